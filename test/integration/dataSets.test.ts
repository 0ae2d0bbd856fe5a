import {closeSync, ftruncateSync, openSync, readFileSync, writeSync} from 'node:fs';
import {copyFile, mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {ArrayFileSource, DataSource} from '../../src/documents/dataSource.ts';
import type {Tensor} from '../../src/documents/tensor.ts';
import {openSession} from '../../src/engine/session.ts';
import type {DataSetOptions} from '../../src/workflows/openDataSet.ts';
import {classCountOf, openEvaluationData, requireEvaluationData} from '../../src/workflows/projectData.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {countTopOne} from '../../src/workflows/topOne.ts';
import {npyFromTensor, writeNpy} from '../../src/workspace/npy.ts';
import {input, refusal, useDataFolder, valuesOf} from './dataFolder.ts';
import {explainSharedModels, SHARED_MODELS} from './sharedModels.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/arrays');
const suite = 'data sets on shared models';
const canRunShared = explainSharedModels(suite);
const {at, open, writeImage} = useDataFolder();

const floatTensor = (shape: number[], values: (at: number) => number): Tensor => ({
  elementType: 'float32',
  shape,
  bytes: new Uint8Array(
    Float32Array.from({length: shape.reduce((a, b) => a * b, 1)}, (_, index) => values(index)).buffer,
  ),
});
const byteTensor = (shape: number[], values: number[]): Tensor => ({
  elementType: 'uint8',
  shape,
  bytes: Uint8Array.from(values),
});

describe('arrays', () => {
  it('.npy: one request, or several along the first axis', async () => {
    await writeNpy(
      at('six.npy'),
      floatTensor([6, 2], index => index),
    );
    const set = await open(at('six.npy'), [input([2, 2])]);
    expect(set).toMatchObject({sampleCount: 6, requestCount: 3, rowsPerRequest: 2});
    expect(valuesOf((await set.readRequest(2)).x)).toEqual([8, 9, 10, 11]);
    // As the commands of before: a file by input name, labels in another.
    await writeNpy(at('labels.npy'), byteTensor([6], [0, 1, 2, 0, 1, 2]));
    const old = await open({inputs: {x: 'six.npy'}, labels: 'labels.npy'}, [input([1, 2])], {resolve: at});
    expect(old.labels).toEqual([0, 1, 2, 0, 1, 2]);
    expect(valuesOf((await old.readRequest(5)).x)).toEqual([10, 11]);
  });

  it('of a model without a batch have an axis of their own for samples, or stack its first one', async () => {
    await writeNpy(
      at('stacked.npy'),
      floatTensor([3, 4, 5], index => index),
    );
    const whole = await open(at('stacked.npy'), [input([4, 5])]);
    expect(whole).toMatchObject({sampleCount: 3, rowsPerRequest: 1});
    expect(valuesOf((await whole.readRequest(1)).x)[0]).toBe(20);
    await writeNpy(
      at('scalars.npy'),
      floatTensor([3], index => index),
    );
    const scalars = await open({inputs: {x: at('stacked.npy'), s: at('scalars.npy')}}, [
      input([4, 5]),
      input([], 'float32', 's'),
    ]);
    expect(valuesOf((await scalars.readRequest(2)).s)).toEqual([2]);
    expect((await scalars.readRequest(2)).s?.shape).toEqual([]);
  });

  it.each(['stored.npz', 'compressed.npz'])(
    '%s: by input name or the only one, labels beside them',
    async name => {
      const path = join(FIXTURES, name);
      const set = await open(path, [input([1, 2, 3])]);
      expect(set).toMatchObject({sampleCount: 6, labels: [2, 0, 1, 2, 0, 1]});
      expect(valuesOf((await set.readRequest(4)).x)).toEqual([24, 25, 26, 27, 28, 29]);
      const other = await open(path, [input([3, 2, 3], 'float32', 'anything')]);
      expect(other).toMatchObject({sampleCount: 6, requestCount: 2});
      await expect(open(path, [input([1, 2, 3]), input([1, 2, 3], 'float32', 'mask')])).rejects.toEqual(
        refusal('wrong-input-name', 'has no array for input mask; it has x, y'),
      );
      await expect(open(path, [input([1, 2, 3])], {classCount: 2})).rejects.toEqual(
        refusal('labels-mismatch', 'label 0: there is no class 2; the model has classes 0 to 1'),
      );
    },
  );

  it('labels of an archive that are no whole numbers are refused', async () => {
    await expect(open(join(FIXTURES, 'fractional-labels.npz'), [input([1, 1])])).rejects.toEqual(
      refusal('labels-mismatch', 'fractional-labels.npz/labels.npy holds float32'),
    );
  });

  it('of uint8 are images where preprocessing is declared, whichever way their channels lie', async () => {
    const pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    await writeNpy(at('nhwc.npy'), byteTensor([1, 2, 2, 3], pixels));
    await writeNpy(at('nchw.npy'), byteTensor([1, 3, 2, 2], [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]));
    for (const file of ['nhwc.npy', 'nchw.npy']) {
      const set = await open(at(file), [input([1, 3, 2, 2])], {preprocessing: {scale: 2}});
      expect(valuesOf((await set.readRequest(0)).x)).toEqual([2, 8, 14, 20, 4, 10, 16, 22, 6, 12, 18, 24]);
    }
    await expect(open(at('nchw.npy'), [input([1, 3, 2, 2])])).rejects.toMatchObject({
      code: 'wrong-input-type',
      hints: [expect.stringContaining('preprocessing')],
    });
    // A model that takes bytes gets them as they are.
    const bytes = await open(at('nchw.npy'), [input([1, 3, 2, 2], 'uint8')]);
    expect((await bytes.readRequest(0)).x?.bytes[1]).toBe(4);
  });

  it('raw numbers with labels in the same records', async () => {
    await writeFile(at('cifar.bin'), Uint8Array.of(3, 10, 11, 20, 21, 30, 31, 4, 40, 41, 50, 51, 60, 61));
    const record = {file: at('cifar.bin'), elementType: 'uint8', recordBytes: 7} as const;
    const set = await open(
      {inputs: {x: {...record, shape: [3, 1, 2], offsetBytes: 1}}, labels: {...record, shape: []}},
      [input([1, 3, 1, 2])],
      {preprocessing: 'raw', classCount: 10},
    );
    expect(set.labels).toEqual([3, 4]);
    expect(valuesOf((await set.readRequest(1)).x)).toEqual([40, 41, 50, 51, 60, 61]);
  });

  it('labels of arrays can be a list, line by line', async () => {
    await writeNpy(
      at('two.npy'),
      floatTensor([2, 1], index => index),
    );
    await writeFile(at('two.csv'), 'label\n1\n0\n');
    await writeFile(at('plain.txt'), '0\n1\n');
    expect((await open({path: at('two.npy'), labels: at('two.csv')}, [input([1, 1])])).labels).toEqual([
      1, 0,
    ]);
    expect((await open({path: at('two.npy'), labels: at('plain.txt')}, [input([1, 1])])).labels).toEqual([
      0, 1,
    ]);
  });

  it.each<[string, Tensor, string, string]>([
    [
      'another type',
      byteTensor([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
      'wrong-input-type',
      'holds uint8; input x takes float32',
    ],
    ['another shape', floatTensor([2, 5], () => 0), 'wrong-input-shape', '[2, 5]; input x takes [1, 4]'],
    ['too few axes', floatTensor([4], () => 0), 'wrong-input-shape', '[4]; input x takes [1, 4]'],
    ['no samples', floatTensor([0, 4], () => 0), 'no-samples', 'There are 0 samples'],
  ])('of %s are refused with the file named', async (_, tensor, code, text) => {
    await writeNpy(at('bad.npy'), tensor);
    await expect(open(at('bad.npy'), [input([1, 4])])).rejects.toEqual(refusal(code, text));
  });

  it('NaN is refused with the sample', async () => {
    await writeNpy(
      at('nan.npy'),
      floatTensor([3, 4], index => (index === 9 ? NaN : 1)),
    );
    const set = await open(at('nan.npy'), [input([1, 4])]);
    await set.readRequest(1);
    await expect(set.readRequest(2)).rejects.toEqual(refusal('data-not-finite', 'Sample 2 of', 10));
  });

  it.each([
    ['too few', byteTensor([2], [0, 1]), 'has 2 labels for 3 samples'],
    ['one-hot', byteTensor([3, 2], [0, 1, 0, 1, 0, 1]), 'holds uint8 of shape [3, 2]'],
    ['fractions', floatTensor([3], () => 0.5), 'holds float32'],
    ['out of range', byteTensor([3], [0, 1, 9]), 'label 2: there is no class 9'],
  ])('labels that are %s are refused', async (_, tensor, text) => {
    await writeNpy(
      at('three.npy'),
      floatTensor([3, 1], () => 0),
    );
    await writeNpy(at('wrong-labels.npy'), tensor);
    await expect(
      open({path: at('three.npy'), labels: at('wrong-labels.npy')}, [input([1, 1])], {classCount: 2}),
    ).rejects.toEqual(refusal('labels-mismatch', text));
  });

  it('inputs must be named rightly and have as many samples as each other', async () => {
    await writeNpy(
      at('one.npy'),
      floatTensor([1, 1], () => 0),
    );
    await writeNpy(
      at('many.npy'),
      floatTensor([2, 1], () => 0),
    );
    const inputs = [input([1, 1]), input([1, 1], 'float32', 'z')];
    await expect(open({inputs: {x: at('one.npy')}}, inputs)).rejects.toEqual(
      refusal('wrong-input-name', 'Input z is not given'),
    );
    await expect(open({inputs: {x: at('one.npy'), w: at('one.npy')}}, inputs)).rejects.toEqual(
      refusal('wrong-input-name', 'no input w'),
    );
    await expect(open(at('one.npy'), inputs)).rejects.toEqual(
      refusal('wrong-input-name', 'the model takes x, z'),
    );
    await expect(open({inputs: {x: at('one.npy'), z: at('many.npy')}}, inputs)).rejects.toEqual(
      refusal('wrong-input-shape', '1 samples for input x and 2 for input z'),
    );
  });
});

describe('a choice of samples', () => {
  const samples = async (source: DataSource): Promise<number[]> => {
    const set = await open(source, [input([1, 1])]);
    const values = [];
    for (let index = 0; index < set.requestCount; index++)
      values.push(...valuesOf((await set.readRequest(index)).x));
    return values;
  };

  it('is the first ones, or with a seed random ones that stay the same', async () => {
    await writeNpy(
      at('hundred.npy'),
      floatTensor([100, 1], index => index),
    );
    expect(await samples({path: at('hundred.npy'), samples: 3})).toEqual([0, 1, 2]);
    const chosen = await samples({path: at('hundred.npy'), samples: 10, seed: 1});
    expect(chosen).toHaveLength(10);
    expect(chosen).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await samples({path: at('hundred.npy'), samples: 10, seed: 1})).toEqual(chosen);
    expect(await samples({path: at('hundred.npy'), samples: 1000})).toHaveLength(100);
  });

  it('a subset has its own order, labels and digest, and leaves the whole open', async () => {
    await writeNpy(
      at('ten.npy'),
      floatTensor([10, 1], index => index),
    );
    await writeNpy(at('ten-labels.npy'), byteTensor([10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    const whole = await open({path: at('ten.npy'), labels: at('ten-labels.npy')}, [input([1, 1])]);
    const part = whole.subset([7, 3]);
    expect(part).toMatchObject({sampleCount: 2, labels: [7, 3]});
    await part.close();
    expect(valuesOf((await part.readRequest(0)).x)).toEqual([7]);
    expect(await part.digest()).not.toBe(await whole.digest());
    expect(() => whole.subset([10])).toThrow(RangeError);
  });
});

describe('random data', () => {
  it('fill whole requests, however few samples were asked for', async () => {
    const set = await open({random: {samples: 5}}, [input([4, 2])]);
    expect(set).toMatchObject({sampleCount: 8, requestCount: 2, notes: []});
  });

  it('come only when asked for by name, say so, and are the same each time', async () => {
    const inputs = [input([2, 3]), input([2, 3], 'int64', 'ids')];
    const set = await open({random: {samples: 5, seed: 3}}, inputs);
    expect(set).toMatchObject({isRandom: true, sampleCount: 6, requestCount: 3});
    const again = await open({random: {samples: 5, seed: 3}}, inputs);
    expect(await set.readRequest(1)).toEqual(await again.readRequest(1));
    expect(await set.digest()).toBe(await again.digest());
    const other = await open({random: {samples: 5, seed: 4}}, inputs);
    expect(await set.readRequest(1)).not.toEqual(await other.readRequest(1));
  });
});

describe('the digest of a data set', () => {
  const digest = async (source: DataSource, options: DataSetOptions = {}) =>
    (await open(source, [input([1, 3, 4, 4])], options)).digest();

  it('depends on content, choice and preprocessing, not on where the files lie', async () => {
    for (const copy of ['one', 'two']) {
      await writeImage(`${copy}/a.png`, [1, 2, 3]);
      await writeImage(`${copy}/b.png`, [4, 5, 6]);
    }
    const first = await digest(at('one'), {preprocessing: 'raw'});
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await digest(at('two'), {preprocessing: 'raw'})).toBe(first);
    expect(await digest(at('two'), {preprocessing: 'unit'})).not.toBe(first);
    expect(await digest({path: at('two'), samples: 1}, {preprocessing: 'raw'})).not.toBe(first);
    await writeImage('two/b.png', [4, 5, 7]);
    expect(await digest(at('two'), {preprocessing: 'raw'})).not.toBe(first);
  });
});

describe("the project's evaluation data", () => {
  const project = (data: object) => ({file: at('edgewise.yaml'), resolve: at, project: data});

  it('lie where the project says, and are asked for where it says nothing', async () => {
    await writeNpy(
      at('declared.npy'),
      floatTensor([3, 1], index => index),
    );
    const inputs = [input([1, 1])];
    const declared = await requireEvaluationData(project({evaluation: 'declared.npy'}), inputs);
    expect(declared.sampleCount).toBe(3);
    await declared.close();
    expect(await openEvaluationData(project({}), inputs)).toBeNull();
    await expect(requireEvaluationData(project({}), inputs)).rejects.toMatchObject({
      code: 'evaluation-missing',
      exitCode: 2,
    });
  });

  it.each([
    [[1, 10], 10],
    [[4, 1000, 1, 1], 1000],
    [[1, 3, 224, 224], null],
    [[], null],
  ])('an output of shape %j has %j classes', (shape, count) => {
    expect(classCountOf([input(shape)])).toBe(count);
  });
});

it('a file far larger than memory is read sample by sample', async () => {
  const path = at('huge.npy');
  const count = 16 * 1024;
  const header = npyFromTensor({elementType: 'float32', shape: [0, 1, 512, 512], bytes: new Uint8Array()});
  const text = Buffer.from(header)
    .toString('latin1')
    .replace('(0, 1, 512, 512), }    ', `(${count}, 1, 512, 512), }`);
  const file = openSync(path, 'w');
  writeSync(file, Buffer.from(text, 'latin1'));
  // 16 GiB of zeros that take no place on the disk.
  ftruncateSync(file, text.length + count * 2 ** 20);
  writeSync(file, new Float32Array([42]), 0, 4, text.length + (count - 1) * 2 ** 20);
  closeSync(file);
  const set = await open(path, [input([1, 1, 512, 512])]);
  expect(set.requestCount).toBe(count);
  const {x} = await set.readRequest(count - 1);
  expect(new Float32Array(x!.bytes.slice(0, 4).buffer)[0]).toBe(42);
});

describe.skipIf(!canRunShared)(suite, () => {
  const IMAGES = join(SHARED_MODELS, 'data-imagenet20');

  it('SqueezeNet gets 14 of 20 photographs right, of the files and of ready crops', async () => {
    const labels = JSON.parse(readFileSync(join(IMAGES, 'labels.json'), 'utf8')) as {
      file: string;
      label: number;
    }[];
    await writeFile(at('imagenet.csv'), labels.map(({file, label}) => `${file},${label}\n`).join(''));
    const session = await openSession(
      {path: join(SHARED_MODELS, 'squeezenet/squeezenet1.1_fp32.onnx')},
      {optimization: 'all', threads: 1},
    );
    const spec = input([1, 3, 224, 224], 'float32', session.inputs[0]?.name);
    const crops: ArrayFileSource = {
      file: join(IMAGES, 'crops20_u8_224.bin'),
      elementType: 'uint8',
      shape: [224, 224, 3],
    };
    const sources: DataSource[] = [
      {path: join(IMAGES, 'images'), labels: at('imagenet.csv')},
      {inputs: {[spec.name]: crops}, labels: at('imagenet.csv')},
    ];
    for (const source of sources) {
      // The list names images; for the ready crops it counts line by line.
      const set = await open(source, [spec], {preprocessing: 'imagenet-caffe', classCount: 1000});
      const answers: Uint8Array[] = [];
      for (let index = 0; index < set.requestCount; index++) {
        const {outputs} = await session.run(await set.readRequest(index));
        answers.push(Object.values(outputs)[0]!.bytes);
      }
      const scores = {elementType: 'float32', shape: [20, 1000], bytes: Buffer.concat(answers)} as const;
      expect(countTopOne(scores, set.labels!)).toBe(14);
    }
    await session.close();
  });

  it('a data set feeds the sample runner that the quantiser uses', async () => {
    await mkdir(at('kitten'));
    await copyFile(join(SHARED_MODELS, 'squeezenet/kitten_224.png'), at('kitten/kitten.png'));
    const {identityModel} = await import('./smallModels.ts');
    const {modelFromSource} = await import('../../src/model/onnx/readModel.ts');
    const bytes = identityModel([{name: 'x', elementType: 'float32', dims: [1, 3, 224, 224]}]);
    const model = modelFromSource(
      {sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length)},
      {fileName: 'identity.onnx', openExternal: () => null},
    );
    const set = await open(at('kitten'), [input([1, 3, 224, 224])], {preprocessing: 'raw'});
    const runner = startSampleRunner(set, {temporaryFolder: at('.')});
    const seen: number[] = [];
    await runner.run({
      model,
      tensors: ['x_out'],
      mode: 'exact',
      visit: values => seen.push(valuesOf(values['x_out']).length),
    });
    expect(seen).toEqual([3 * 224 * 224]);
  });
});
