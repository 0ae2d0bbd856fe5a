import {createHash} from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxModel} from '../../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../../src/model/onnx/readModel.ts';
import {bytesOfTensor} from '../../../src/model/onnx/tensorData.ts';
import {bytesFromModel, writeModel} from '../../../src/model/onnx/writeModel.ts';
import {openModelFiles, type ModelFiles} from '../../../src/workspace/byteSource.ts';
import {floatTensor, floatWeight, runHandMade, valuesOf} from './handMadeModels.ts';
import {InferenceSession, Tensor} from 'onnxruntime-node';

const FIRST = Array.from({length: 64}, (_, index) => index);

function twoWeights(): OnnxModel {
  return createModel(
    createGraph({
      nodes: [
        createNode('Mul', ['x', 'first'], ['a']),
        createNode('Add', ['a', 'second'], ['b']),
        createNode('Add', ['b', 'tiny'], ['y']),
      ],
      initializers: [
        floatWeight('first', [64], FIRST),
        floatWeight('second', [64], FIRST),
        floatWeight('tiny', [1], [0.5]),
      ],
      inputs: [createValueInfo('x', 'float32', [64])],
      outputs: [createValueInfo('y', 'float32', [64])],
    }),
  );
}

describe('external data', () => {
  let folder: string;
  let opened: ModelFiles[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-external-'));
    opened = [];
  });
  afterEach(() => {
    for (const files of opened) files.close();
    rmSync(folder, {recursive: true, force: true});
  });

  /** Writes the model with each weight of 100 bytes or more in a file named `nameOf` its digest. */
  function save(model: OnnxModel, nameOf: (digest: string) => string = digest => digest): string[] {
    const written = writeModel(model, {
      kind: 'external',
      thresholdBytes: 100,
      nameLocation: (_, chunks) => {
        const hash = createHash('sha256');
        for (const chunk of chunks) hash.update(chunk);
        return nameOf(hash.digest('hex'));
      },
    });
    const path = join(folder, 'model.onnx');
    writeFileSync(path, Buffer.concat([...written.chunks]));
    for (const file of written.externalFiles) {
      const bytes = Buffer.concat([...file.chunks]);
      expect(bytes.byteLength).toBe(file.sizeBytes);
      writeFileSync(join(folder, file.path), bytes);
    }
    return written.externalFiles.map(file => file.path);
  }

  function load(): OnnxModel {
    const files = openModelFiles(join(folder, 'model.onnx'));
    opened.push(files);
    return modelFromSource(files.source, {fileName: 'model.onnx', openExternal: files.openExternal});
  }

  it('puts each large weight into a file of its own, equal ones into one, and reads them back', async () => {
    const files = save(twoWeights());
    expect(files).toEqual([createHash('sha256').update(Float32Array.from(FIRST)).digest('hex')]);
    const model = load();
    expect(model.graph.initializers.map(({external}) => external?.location)).toEqual([
      files[0],
      files[0],
      undefined,
    ]);
    expect([...new Float32Array(bytesOfTensor(model.graph.initializers[1]!).slice().buffer)]).toEqual(FIRST);
    expect(valuesOf((await runHandMade(model, {x: floatTensor([64], FIRST)}))['y'])).toEqual(
      FIRST.map(value => value * value + value + 0.5),
    );
    expect(readFileSync(join(folder, 'model.onnx')).byteLength).toBeLessThan(700);
  });

  it('is accepted by the runtime from the folder', async () => {
    save(twoWeights());
    const session = await InferenceSession.create(join(folder, 'model.onnx'), {logSeverityLevel: 4});
    const {y} = await session.run({x: new Tensor('float32', Float32Array.from(FIRST), [64])});
    expect([...(y!.data as Float32Array)]).toEqual(FIRST.map(value => value * value + value + 0.5));
    await session.release();
  });

  it('a model only read is written back byte for byte, its weight files whole', () => {
    save(twoWeights());
    const model = load();
    const written = writeModel(model);
    expect(Buffer.concat([...written.chunks])).toEqual(readFileSync(join(folder, 'model.onnx')));
    expect(written.externalFiles).toMatchObject([{sizeBytes: 256, tensorNames: ['first', 'second']}]);
    expect(Buffer.concat([...written.externalFiles[0]!.chunks]).byteLength).toBe(256);
  });

  it('inlining gives a file without external data that says the same', () => {
    save(twoWeights());
    const model = load();
    expect(writeModel(model, {kind: 'inline'}).externalFiles).toEqual([]);
    expect(bytesFromModel(model)).toEqual(bytesFromModel(twoWeights()));
  });

  it('names the missing file and the tensor', () => {
    const [file] = save(twoWeights());
    rmSync(join(folder, file!));
    expect(load).toThrow(
      expect.objectContaining({
        code: 'external-data-missing',
        exitCode: 10,
        message: expect.stringContaining(`"first" in "${file}"`) as string,
      }),
    );
  });

  it('refuses a file that is too short', () => {
    const [file] = save(twoWeights());
    truncateSync(join(folder, file!), 255);
    expect(load).toThrow(expect.objectContaining({code: 'external-data-truncated', exitCode: 10}));
  });

  it.each(['../weights', '/etc/passwd', 'a/../../weights', 'C:\\weights', '..'])(
    'refuses to follow %s out of the folder',
    location => {
      writeFileSync(
        join(folder, 'model.onnx'),
        Buffer.concat([
          ...writeModel(twoWeights(), {kind: 'external', thresholdBytes: 100, nameLocation: () => location})
            .chunks,
        ]),
      );
      expect(load).toThrow(expect.objectContaining({code: 'external-data-escapes', exitCode: 10}));
    },
  );

  it('refuses a link that leads out of the folder, also by a name that only begins like it', () => {
    const outside = `${folder}-outside`;
    mkdirSync(outside);
    try {
      const [file] = save(twoWeights());
      writeFileSync(join(outside, 'weights'), readFileSync(join(folder, file!)));
      rmSync(join(folder, file!));
      symlinkSync(join(outside, 'weights'), join(folder, file!));
      expect(load).toThrow(expect.objectContaining({code: 'external-data-escapes', exitCode: 10}));
    } finally {
      rmSync(outside, {recursive: true});
    }
  });

  it('a file of more than 2 GiB is read by ranges', () => {
    save(twoWeights(), () => 'weights');
    const start = 2 ** 31 + 12;
    const sparse = {
      sizeBytes: 2 ** 32,
      read: (offset: number, length: number) => {
        expect([offset, length]).toEqual([start, 256]);
        return new Uint8Array(Float32Array.from(FIRST).buffer);
      },
    };
    const model = load();
    const moved = {
      ...model,
      graph: {
        ...model.graph,
        initializers: model.graph.initializers.map(tensor =>
          tensor.externalEntries.length === 0
            ? tensor
            : {
                ...tensor,
                externalEntries: tensor.externalEntries.map(entry =>
                  entry.key === 'offset' ? {...entry, value: String(start)} : entry,
                ),
              },
        ),
      },
    };
    const file = Buffer.concat([...writeModel(moved).chunks]);
    writeFileSync(join(folder, 'model.onnx'), file);
    const files = openModelFiles(join(folder, 'model.onnx'));
    opened.push(files);
    const again = modelFromSource(files.source, {fileName: 'model.onnx', openExternal: () => sparse});
    expect([...new Float32Array(bytesOfTensor(again.graph.initializers[0]!).slice().buffer)]).toEqual(FIRST);
  });
});
