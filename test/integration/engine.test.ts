import {execFile} from 'node:child_process';
import {copyFile, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {ElementType} from '../../src/documents/elementTypes.ts';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import {optimizeModel} from '../../src/engine/optimizeModel.ts';
import {profileLayers} from '../../src/engine/profileLayers.ts';
import {median} from '../../src/engine/profileTrace.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {openSession, runOnce} from '../../src/engine/session.ts';
import {traceTensors} from '../../src/engine/traceTensors.ts';
import {ExpectedError} from '../../src/errors.ts';
import {arithmeticModel, castModel, floats, identityModel, numbersOf} from './smallModels.ts';
import {explainSharedModels, SHARED_MODELS} from './sharedModels.ts';

const PLAIN = {optimization: 'disabled', threads: 1} as const;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-engine-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

async function failureOf(work: Promise<unknown>): Promise<ExpectedError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ExpectedError) return error;
  throw new Error(`expected an ExpectedError, got ${String(error)}`);
}

describe('a session', () => {
  const types: ElementType[] = [
    ...(['float32', 'float64', 'float16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'] as const),
    ...(['int64', 'uint64', 'bool', 'string'] as const),
  ];
  it.each(types)('gives %s back bit for bit, even from unaligned bytes', async elementType => {
    const bytes = identityModel([{name: 'x', elementType, dims: [2, 'n']}]);
    const session = await openSession({bytes}, PLAIN);
    expect(session.inputs).toEqual([{name: 'x', elementType, shape: [2, 'n']}]);
    const {x} = randomFeeds([{name: 'x', elementType, shape: [2, 3]}], 3);
    const unaligned = new Uint8Array(x!.bytes.byteLength + 1).subarray(1);
    unaligned.set(x!.bytes);
    const feeds = {x: {...x!, bytes: unaligned}};
    const {outputs, computeMs} = await session.run(feeds);
    await session.close();
    expect(outputs['x_out']).toEqual(x);
    expect(computeMs).toBeGreaterThan(0);
    expect(unaligned.byteLength).toBe(x!.bytes.byteLength);
  });

  it('takes the feeds’ memory only when allowed to, and takes it whole', async () => {
    const session = await openSession({bytes: arithmeticModel('Add', 1)}, PLAIN);
    const shared = new Float32Array([9, 9, 1, 2, 3, 4, 9, 9]);
    const x = {elementType: 'float32', shape: [1, 4], bytes: new Uint8Array(shared.buffer, 8, 16)} as const;
    expect(numbersOf((await session.run({x})).outputs['y'])).toEqual([2, 3, 4, 5]);
    expect(shared.length).toBe(8);
    expect(numbersOf((await session.run({x}, {canTakeFeeds: true})).outputs['y'])).toEqual([2, 3, 4, 5]);
    expect(shared.length).toBe(0);
    const pooled = Buffer.from(new Float32Array([5, 6, 7, 8]).buffer.slice(0)).subarray();
    const small = Buffer.from(pooled);
    const {outputs} = await session.run({x: {...x, bytes: small}}, {canTakeFeeds: true});
    expect(numbersOf(outputs['y'])).toEqual([6, 7, 8, 9]);
    await session.close();
  });

  it('does many runs in the order of the calls', async () => {
    const session = await openSession({bytes: arithmeticModel('Mul', 2)}, PLAIN);
    const finished: number[] = [];
    const runs = Array.from({length: 50}, async (_, i) => {
      const {outputs} = await session.run({x: floats([1, 4], [i, i, i, i])});
      finished.push(i);
      return numbersOf(outputs['y'])[0];
    });
    expect(await Promise.all(runs)).toEqual(Array.from({length: 50}, (_, i) => 2 * i));
    expect(finished).toEqual(Array.from({length: 50}, (_, i) => i));
    await session.close();
  });

  it('does several runs of one message in their order, or tells of the one that fails', async () => {
    const session = await openSession({bytes: arithmeticModel('Mul', 2)}, PLAIN);
    const feeds = [1, 2, 3].map(value => ({x: floats([1, 4], [value, 0, 0, 0])}));
    const results = await session.runEach(feeds, {canTakeFeeds: true});
    expect(results.map(({outputs}) => numbersOf(outputs['y'])[0])).toEqual([2, 4, 6]);
    expect(await session.runEach([])).toEqual([]);
    const wrong = {x: floats([1, 3], [1, 2, 3])};
    const error = await failureOf(session.runEach([{x: floats([1, 4], [1, 1, 1, 1])}, wrong]));
    expect(error.code).toBe('wrong-input-shape');
    await session.close();
  });

  it('tells strings that do not fit', async () => {
    const session = await openSession(
      {bytes: identityModel([{name: 's', elementType: 'string', dims: [2]}])},
      PLAIN,
    );
    const wrong = {elementType: 'string', shape: [2], bytes: Uint8Array.of(1, 0, 0, 0, 65)} as const;
    expect(await failureOf(session.run({s: wrong}))).toMatchObject({code: 'wrong-input-type', exitCode: 2});
    await session.close();
  });

  it('fails what is still waiting when it is closed', async () => {
    const session = await openSession({bytes: arithmeticModel('Mul', 2)}, PLAIN);
    const waiting = session.run({x: floats([1, 4], [1, 1, 1, 1])});
    const failed = failureOf(waiting);
    await session.close();
    expect((await failed).code).toBe('session-closed');
    expect((await failureOf(session.run({x: floats([1, 4], [1, 1, 1, 1])}))).code).toBe('session-closed');
  });

  it.each<ElementType>(['bfloat16', 'int4', 'uint4', 'float8e4m3fn'])(
    'refuses a model with %s inputs in plain words',
    async elementType => {
      const bytes = castModel(elementType);
      const error = await failureOf(openSession({bytes}, PLAIN));
      expect(error).toMatchObject({code: 'unsupported-tensor-type', exitCode: 13});
      expect(error.message).toContain(elementType);
    },
  );

  it('keeps a finished program from ending no longer than its runs', async () => {
    const script = join(folder, 'program.ts');
    await writeFile(join(folder, 'add.onnx'), arithmeticModel('Add', 1));
    const door = new URL('../../src/engine/session.ts', import.meta.url).href;
    await writeFile(
      script,
      `import {openSession} from ${JSON.stringify(door)};
       const session = await openSession({path: ${JSON.stringify(join(folder, 'add.onnx'))}}, {optimization: 'disabled', threads: 1});
       const bytes = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
       const {outputs} = await session.run({x: {elementType: 'float32', shape: [1, 4], bytes}});
       console.log(new Float32Array(outputs.y.bytes.buffer)[3]);`,
    );
    const {stdout} = await promisify(execFile)(process.execPath, [script]);
    expect(stdout.trim()).toBe('5');
  });

  it('can be closed at any moment of a run, over and over, without taking the program with it', async () => {
    const script = join(folder, 'closing.ts');
    const door = new URL('../../src/engine/session.ts', import.meta.url).href;
    await writeFile(join(folder, 'multiply.onnx'), arithmeticModel('Mul', 2));
    await writeFile(
      script,
      `import {openSession} from ${JSON.stringify(door)};
       for (let turn = 0; turn < 20; turn += 1) {
         const session = await openSession({path: ${JSON.stringify(join(folder, 'multiply.onnx'))}}, {optimization: 'disabled', threads: 1});
         const x = {elementType: 'float32', shape: [1, 4], bytes: new Uint8Array(16)};
         const runs = [session.run({x}), session.run({x})].map(run => run.catch(() => {}));
         if (turn % 4 > 0) await new Promise(resolve => setTimeout(resolve, turn % 4 - 1));
         await session.close();
         await Promise.all(runs);
       }
       console.log('done');`,
    );
    const {stdout, stderr} = await promisify(execFile)(process.execPath, [script]);
    expect([stdout.trim(), stderr]).toEqual(['done', '']);
  });
});

describe('what ONNX Runtime rejects', () => {
  it('comes as an error with its words, and nothing native on stderr', async () => {
    const path = join(folder, 'broken.onnx');
    const good = arithmeticModel('Add', 1);
    await writeFile(path, good.subarray(0, good.length - 7));
    const error = await failureOf(openSession({path}, PLAIN));
    expect(error).toMatchObject({code: 'model-rejected', exitCode: 13});
    expect(error.message).toContain('broken.onnx');
    expect((error.cause as Error).message).toMatch(/protobuf|parsing/i);

    const door = new URL('../../src/engine/session.ts', import.meta.url).href;
    const script = `import {openSession} from ${JSON.stringify(door)};
      await openSession({path: ${JSON.stringify(path)}}, {optimization: 'all', threads: 1}).catch(error => console.log(error.code));`;
    const {stdout, stderr} = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      script,
    ]);
    expect([stdout.trim(), stderr]).toEqual(['model-rejected', '']);
  });

  it('is told from a file that is not there', async () => {
    const error = await failureOf(runOnce({path: join(folder, 'absent.onnx')}, {}));
    expect(error).toMatchObject({code: 'no-such-file', exitCode: 2});
  });
});

const hasModels = explainSharedModels('engine with real models');
describe.skipIf(!hasModels)('real models', () => {
  const squeezenet = join(SHARED_MODELS, 'squeezenet/squeezenet1.1_fp32.onnx');
  let optimized: string;
  let feeds: NamedTensors;

  beforeAll(async () => {
    optimized = join(folder, 'squeezenet.onnx');
    await optimizeModel(squeezenet, optimized, 'extended');
    feeds = randomFeeds([{name: 'data_0', elementType: 'float32', shape: [1, 3, 224, 224]}], 1);
  });

  it('answer the same after optimising, and again the same from the file', async () => {
    const direct = await runOnce({path: squeezenet}, feeds, {optimization: 'extended', threads: 1});
    const fromFile = await runOnce({path: optimized}, feeds);
    expect(fromFile.outputs).toEqual(direct.outputs);
    const plain = await runOnce({path: squeezenet}, feeds);
    const differences = numbersOf(plain.outputs['softmaxout_1']).map((value, i) =>
      Math.abs(value - numbersOf(fromFile.outputs['softmaxout_1'])[i]!),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-5);
  });

  it('run in half precision', async () => {
    const path = join(SHARED_MODELS, 'squeezenet/SqueezeNet_fp16.onnx');
    const half = randomFeeds([{name: 'data_0', elementType: 'float16', shape: [1, 3, 224, 224]}], 1);
    const {outputs} = await runOnce({path}, half);
    const bits = new Uint16Array(outputs['softmaxout_1']!.bytes.slice().buffer);
    const sum = [...bits].reduce((total, one) => total + floatFromHalf(one), 0);
    expect(Math.abs(sum - 1)).toBeLessThan(0.01);
  });

  it('are timed layer by layer, summing to the median whole run', async () => {
    const {wholeRunMs, layers} = await profileLayers(optimized, feeds, {runs: 8, warmUps: 2, threads: 1});
    expect(wholeRunMs).toHaveLength(8);
    expect(layers).toHaveLength(39);
    expect(new Set(layers.map(({name}) => name)).size).toBe(39);
    expect(layers.filter(({operator}) => operator === 'FusedConv')).toHaveLength(26);
    const sum = layers.reduce((total, {ms}) => total + ms, 0);
    expect(sum / median(wholeRunMs)).toBeCloseTo(1, 9);
    // The first convolution has a tenth of the work; a 1x1 on the smallest map has next to none.
    expect(layers[0]!.ms).toBeGreaterThan(sum / 100);
  });

  it('refuse wrong feeds before they are timed or traced', async () => {
    const wrong = {data_0: floats([1, 3], [1, 2, 3])};
    const expected = {code: 'wrong-input-shape', exitCode: 2};
    expect(await failureOf(profileLayers(optimized, wrong, {runs: 1, warmUps: 0, threads: 1}))).toMatchObject(
      expected,
    );
    expect(await failureOf(traceTensors(optimized, wrong))).toMatchObject(expected);
  });

  it('tell type and shape of what they expose', async () => {
    const traced = await traceTensors(optimized, feeds);
    expect([...traced]).toEqual([['softmaxout_1', {elementType: 'float32', shape: [1, 1000, 1, 1]}]]);
  });

  it('leave the model file alone', async () => {
    const before = await readFile(squeezenet);
    const copy = join(folder, 'copy.onnx');
    await copyFile(squeezenet, copy);
    const bytes = new Uint8Array(await readFile(copy));
    const session = await openSession({bytes}, PLAIN);
    await session.close();
    expect(bytes.byteLength).toBe(before.byteLength);
  });
});

function floatFromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
}
