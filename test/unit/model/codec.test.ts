import {BinaryWriter, WireType} from '@bufbuild/protobuf/wire';
import {globSync, readFileSync} from 'node:fs';
import {join, relative} from 'node:path';
import {describe, expect, it} from 'vitest';
import {ExpectedError} from '../../../src/errors.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import {bytesOfTensor} from '../../../src/model/onnx/tensorData.ts';
import {bytesFromModel, writeModel} from '../../../src/model/onnx/writeModel.ts';
import {nameLayers} from '../../../src/model/nameLayers.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {openModelFiles} from '../../../src/workspace/byteSource.ts';
import {modelFromSource} from '../../../src/model/onnx/readModel.ts';
import {explainSharedModels, SHARED_MODELS} from '../../integration/sharedModels.ts';
import {floatWeight, modelWithBodies, readBytes, runHandMade, valuesOf} from './handMadeModels.ts';

const message = (write: (writer: BinaryWriter) => unknown): Uint8Array => {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
};
const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const bytes = (writer: BinaryWriter, field: number, value: Uint8Array): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).bytes(value);
const number = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, WireType.Varint).int64(value);

const shape = (dims: readonly number[]): Uint8Array =>
  message(type =>
    bytes(
      type,
      1,
      message(tensor => {
        bytes(
          tensor,
          2,
          message(all =>
            dims.forEach(dim =>
              bytes(
                all,
                1,
                message(one => number(one, 1, dim)),
              ),
            ),
          ),
        );
        number(tensor, 1, 1);
      }),
    ),
  );
const valueInfo = (name: string, dims: readonly number[]): Uint8Array =>
  message(info => {
    bytes(info, 2, shape(dims));
    text(info, 1, name);
  });

/** A model as no exporter writes it: fields backwards, lists interleaved, dims packed, unknown fields everywhere. */
function oddModel(weight: (tensor: BinaryWriter) => unknown): Uint8Array {
  const node = message(one => {
    text(one, 4, 'Mul');
    number(one, 900, 7);
    text(one, 2, 'y');
    text(one, 3, 'times');
    text(one, 1, 'x');
    text(one, 1, 'w');
  });
  const tensor = message(one => {
    weight(one);
    text(one, 8, 'w');
    bytes(
      one,
      1,
      message(dims => dims.int64(1).int64(2)),
    );
    number(one, 2, 1);
  });
  const graph = message(one => {
    bytes(one, 12, valueInfo('y', [1, 2]));
    bytes(one, 5, tensor);
    one.tag(77, WireType.Bit64).fixed64(123456789n);
    bytes(one, 11, valueInfo('x', [1, 2]));
    bytes(one, 1, node);
    text(one, 2, 'odd');
  });
  return message(model => {
    bytes(model, 7, graph);
    text(model, 4242, 'from the future');
    bytes(
      model,
      8,
      message(opset => number(opset, 2, 17)),
    );
    model.tag(99, WireType.Bit32).fixed32(5);
    text(model, 2, '');
    number(model, 1, 8);
  });
}

const rawWeight = (tensor: BinaryWriter) => bytes(tensor, 9, new Uint8Array(Float32Array.of(3, -2).buffer));
const packedWeight = (tensor: BinaryWriter) =>
  bytes(tensor, 4, new Uint8Array(Float32Array.of(3, -2).buffer));
const singleWeights = (tensor: BinaryWriter) =>
  tensor.tag(4, WireType.Bit32).float(3).tag(4, WireType.Bit32).float(-2);

describe.skipIf(!explainSharedModels('codec'))(
  'a model that was only read is written back byte for byte',
  () => {
    it.each(globSync(join(SHARED_MODELS, '*/*.onnx')).map(path => [relative(SHARED_MODELS, path), path]))(
      '%s',
      (_, path) => {
        const files = openModelFiles(path);
        const model = modelFromSource(files.source, {fileName: path});
        expect(Buffer.compare(bytesFromModel(model, {kind: 'keep'}), readFileSync(path))).toBe(0);
        expect(Buffer.compare(bytesFromModel(model, {kind: 'inline'}), readFileSync(path))).toBe(0);
        files.close();
      },
    );
  },
);

describe('reading', () => {
  it.each([
    ['raw data', rawWeight],
    ['packed float data', packedWeight],
    ['float data one by one', singleWeights],
  ])('finds weights in %s, whatever the order of the fields', async (_, weight) => {
    const file = oddModel(weight);
    const model = readBytes(file);
    expect(Buffer.compare(bytesFromModel(model), file)).toBe(0);
    expect(model.graph.initializers[0]?.dims).toEqual([1, 2]);
    expect(new Float32Array(bytesOfTensor(model.graph.initializers[0]!).slice().buffer)).toEqual(
      Float32Array.of(3, -2),
    );
    // Another writer's opinion: the runtime reads both the file and what is made of it after a change the same way.
    const feeds = {
      x: {elementType: 'float32', shape: [1, 2], bytes: new Uint8Array(Float32Array.of(5, 7).buffer)},
    } as const;
    expect(valuesOf((await runHandMade(model, feeds))['y'])).toEqual([15, -14]);
    const changed = {...model, graph: {...model.graph, docString: 'changed'}};
    expect(valuesOf((await runHandMade(changed, feeds))['y'])).toEqual([15, -14]);
  });

  it.each([
    ['int32', 5, 6, [1, -2], [1, 0, 0, 0, 254, 255, 255, 255]],
    ['int8', 5, 3, [1, -2], [1, 254]],
    ['bool', 5, 9, [1, 0], [1, 0]],
    ['float16', 5, 10, [0x3c00, 0xc000], [0, 0x3c, 0, 0xc0]],
    ['int64', 7, 7, [1, -1], [1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]],
    ['uint32', 11, 12, [1, 4294967295], [1, 0, 0, 0, 255, 255, 255, 255]],
  ])('decodes %s values kept in a list of numbers', (_, field, code, values, expected) => {
    const packed = message(list => values.forEach(value => list.int64(value)));
    const file = oddModel(tensor => bytes(tensor, field, packed));
    const tensor = readBytes(file).graph.initializers[0]!;
    expect([...bytesOfTensor({...tensor, elementTypeCode: code})]).toEqual(expected);
  });

  it('takes 4-bit values two to a byte', () => {
    const file = oddModel(tensor =>
      bytes(
        tensor,
        5,
        message(list => list.int64(0x21)),
      ),
    );
    expect([...bytesOfTensor({...readBytes(file).graph.initializers[0]!, elementTypeCode: 22})]).toEqual([
      0x21,
    ]);
  });

  it('names a tensor whose values do not fit its shape', () => {
    const tensor = readBytes(oddModel(one => bytes(one, 9, new Uint8Array(12)))).graph.initializers[0]!;
    expect(() => bytesOfTensor(tensor)).toThrow(
      expect.objectContaining({
        code: 'model-invalid',
        message: expect.stringContaining(
          '"w" of shape [1, 2] (float32) needs 8 bytes; the file has 12',
        ) as string,
      }),
    );
  });

  it('refuses every truncation of a file with the byte where it ends, or finds no graph', () => {
    const file = oddModel(rawWeight);
    for (let length = 0; length < file.byteLength; length++) {
      let thrown: unknown = null;
      try {
        const model = readBytes(file.subarray(0, length), 'cut-off.onnx');
        // What follows the graph may be missing without anyone being able to tell, but not the format's version.
        expect(model.irVersion).toBeGreaterThan(0);
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `length ${length}`).toBeInstanceOf(ExpectedError);
      expect(thrown).toMatchObject({code: 'not-an-onnx-model', exitCode: 10});
      expect((thrown as Error).message).toMatch(/^cut-off\.onnx is not .* byte \d+/);
    }
  });

  it.each([
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46)],
    ['text', new TextEncoder().encode('{"kind": "edgewise/project"}\n')],
    ['zeros', new Uint8Array(64)],
    ['nothing', new Uint8Array(0)],
    ['messages nested without end', nest(300)],
  ])('refuses %s', (_, file) => {
    expect(() => readBytes(file)).toThrow(expect.objectContaining({code: 'not-an-onnx-model'}));
  });

  it('leaves large weights where they are', () => {
    const file = bytesFromModel(
      createModel(
        createGraph({
          nodes: [createNode('MatMul', ['x', 'w'], ['y'])],
          initializers: [
            floatWeight(
              'w',
              [1024, 1024],
              Array.from({length: 1 << 20}, () => 1),
            ),
          ],
          inputs: [createValueInfo('x', 'float32', [1, 1024])],
          outputs: [createValueInfo('y', 'float32', [1, 1024])],
        }),
      ),
    );
    let readBytesCount = 0;
    const source = {
      sizeBytes: file.byteLength,
      read: (offset: number, length: number) => {
        readBytesCount += length;
        return file.subarray(offset, offset + length);
      },
    };
    const model = nameLayers(modelFromSource(source, {fileName: 'large.onnx'}));
    graphFromModel(model);
    expect(readBytesCount).toBeLessThan(200_000);
    let largestChunk = 0;
    let written = 0;
    for (const chunk of writeModel(model).chunks) {
      largestChunk = Math.max(largestChunk, chunk.byteLength);
      written += chunk.byteLength;
    }
    expect(largestChunk).toBeLessThanOrEqual(1 << 20);
    expect(written).toBe(writeModel(model).sizeBytes);
    expect(written).toBeGreaterThan(4 << 20);
  });
});

describe('writing', () => {
  it('keeps unknown fields of messages that were changed, and of those that were not', () => {
    const model = readBytes(oddModel(rawWeight));
    const changed = {
      ...model,
      producerName: 'edgewise',
      graph: {...model.graph, nodes: model.graph.nodes.map(node => ({...node, name: 'renamed'}))},
    };
    const again = readBytes(bytesFromModel(changed));
    expect(again.producerName).toBe('edgewise');
    expect(again.graph.nodes[0]?.name).toBe('renamed');
    expect([again, again.graph, again.graph.nodes[0]!].map(one => one.unknown.length)).toEqual([2, 1, 1]);
  });

  it.each([
    ['raw data', rawWeight],
    ['packed float data', packedWeight],
    ['float data one by one', singleWeights],
  ])('a renamed weight in %s keeps its values, each once', (_, weight) => {
    const model = readBytes(oddModel(weight));
    const initializers = model.graph.initializers.map(tensor => ({...tensor, name: 'renamed'}));
    const [again] = readBytes(bytesFromModel({...model, graph: {...model.graph, initializers}})).graph
      .initializers;
    expect(again?.name).toBe('renamed');
    expect(new Float32Array(bytesOfTensor(again!).slice().buffer)).toEqual(Float32Array.of(3, -2));
  });

  it('writes every kind of attribute and body so that it reads back the same', () => {
    const model = modelWithBodies();
    const attributes = [
      createAttribute('a', {int: -5n}),
      createAttribute('b', {float: 0.25}),
      createAttribute('c', {string: Uint8Array.of(0xff, 0)}),
      createAttribute('d', {ints: [1n, -(2n ** 63n), 2n ** 63n - 1n]}),
      createAttribute('e', {floats: [1, -0.5]}),
      createAttribute('f', {tensor: floatWeight('t', [1], [2])}),
      createAttribute('g', {int: 0n}),
    ];
    const node = createNode('Custom', ['x', '', 'flag'], ['custom'], {domain: 'com.acme', attributes});
    const file = bytesFromModel({...model, graph: {...model.graph, nodes: [...model.graph.nodes, node]}});
    const again = readBytes(file);
    const read = again.graph.nodes.at(-1)!;
    expect(read.inputs).toEqual(['x', '', 'flag']);
    expect(
      read.attributes.map(({name, int, float, string, ints, floats}) => ({
        name,
        int,
        float,
        string,
        ints,
        floats,
      })),
    ).toEqual(
      attributes.map(({name, int, float, string, ints, floats}) => ({
        name,
        int,
        float,
        string,
        ints,
        floats,
      })),
    );
    expect(bytesFromModel({...again})).toEqual(file);
    expect(again.graph.nodes[2]?.attributes[1]?.graph?.nodes[0]?.attributes[0]?.graph?.name).toBe(
      'inner_then',
    );
  });

  it('refuses a file over 2 GiB by name', () => {
    const huge = {sizeBytes: 3 * 2 ** 30, read: () => new Uint8Array(0)};
    const weight = {
      ...floatWeight('w', [3 * 2 ** 28], []),
      raw: {source: huge, offset: 0, length: 3 * 2 ** 30},
    };
    const model = createModel(createGraph({initializers: [weight]}));
    expect(() => writeModel(model)).toThrow(
      expect.objectContaining({code: 'model-too-large-inline', exitCode: 13}),
    );
    const {externalFiles, sizeBytes} = writeModel(model, {
      kind: 'external',
      thresholdBytes: 1024,
      nameLocation: name => name,
    });
    expect(externalFiles).toMatchObject([{path: 'w', sizeBytes: 3 * 2 ** 30}]);
    expect(sizeBytes).toBeLessThan(1000);
  });
});

function nest(depth: number): Uint8Array {
  let inner = message(graph => text(graph, 2, 'innermost'));
  for (let level = 0; level < depth; level++) {
    const body = inner;
    const attribute = message(one => bytes(one, 6, body));
    const node = message(one => bytes(one, 5, attribute));
    inner = message(one => bytes(one, 1, node));
  }
  return message(model => {
    number(model, 1, 8);
    bytes(model, 7, inner);
  });
}
