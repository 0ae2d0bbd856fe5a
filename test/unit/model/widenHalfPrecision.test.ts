import {expect, it} from 'vitest';
import type {Tensor} from '../../../src/documents/tensor.ts';
import {floatFromHalf, halfFromFloat} from '../../../src/model/halfPrecision.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../../src/model/onnx/writeModel.ts';
import {widenHalfPrecision} from '../../../src/model/widenHalfPrecision.ts';
import {modelWithBodies, readBytes, runHandMade} from './handMadeModels.ts';

// As in the engine's worker: the runtime's binding sees no bytes in the Float16Array that newer versions of Node have.
Reflect.deleteProperty(globalThis, 'Float16Array');

function halves(shape: readonly number[], values: readonly number[]): Tensor {
  return {
    elementType: 'float16',
    shape,
    bytes: new Uint8Array(Uint16Array.from(values, halfFromFloat).buffer),
  };
}

const numbersOf = ({bytes}: Tensor): number[] =>
  Array.from(new Uint16Array(bytes.slice().buffer), floatFromHalf);

const weight = tensorFromValue('w', halves([2], [0.5, -3]));
const body = (operator: string) =>
  createGraph({
    nodes: [createNode(operator, ['sum', 'w'], ['inner'])],
    outputs: [createValueInfo('inner', 'float16', [2])],
  });
/** x + w, then a branch that reads the sum and the weight from outside; the sum is an output too, x another. */
const model = createModel(
  createGraph({
    nodes: [
      createNode('Add', ['x', 'w'], ['sum'], {name: 'add'}),
      createNode('If', ['flag'], ['y'], {
        name: 'branch',
        attributes: [
          createAttribute('then_branch', {graph: body('Mul')}),
          createAttribute('else_branch', {graph: body('Sub')}),
        ],
      }),
    ],
    initializers: [weight],
    inputs: [createValueInfo('x', 'float16', [2]), createValueInfo('flag', 'bool', [])],
    outputs: [
      createValueInfo('y', 'float16', [2]),
      createValueInfo('sum', 'float16', [2]),
      createValueInfo('x', 'float16', [2]),
    ],
    valueInfos: [],
  }),
);

it('computes in float32 and still takes and gives float16, in bodies too', async () => {
  const feeds = {
    x: halves([2], [1.5, 2]),
    flag: {elementType: 'bool', shape: [], bytes: Uint8Array.of(1)} as const,
  };
  const widened = readBytes(bytesFromModel(widenHalfPrecision(model)));
  const codes = widened.graph.initializers.map(({elementTypeCode}) => elementTypeCode);
  expect(codes).toEqual([1]);
  expect(
    [...widened.graph.inputs, ...widened.graph.outputs].map(info => info.type?.tensor?.elementTypeCode),
  ).toEqual([10, 9, 10, 10, 10]);
  const answers = await runHandMade(widened, feeds);
  expect(answers['y']?.elementType).toBe('float16');
  expect([answers['y'], answers['sum'], answers['x']].map(one => numbersOf(one!))).toEqual([
    [1, 3],
    [2, -1],
    [1.5, 2],
  ]);
});

it('reads a weight in pieces of any size as if it were float32', () => {
  const values = Array.from({length: 9}, (_, at) => at / 4 - 1);
  const graph = createGraph({
    nodes: [createNode('Identity', ['w'], ['y'])],
    initializers: [tensorFromValue('w', halves([9], values))],
    outputs: [createValueInfo('y', 'float16', [9])],
  });
  const [tensor] = widenHalfPrecision(createModel(graph)).graph.initializers;
  const {source} = tensor!.raw!;
  const whole = new Uint8Array(Float32Array.from(values).buffer);
  for (const [offset, length] of [
    [0, 36],
    [1, 2],
    [3, 9],
    [4, 4],
    [35, 1],
    [8, 0],
  ] as const) {
    expect([...source.read(offset, length)]).toEqual([...whole.subarray(offset, offset + length)]);
  }
});

it('types that attributes name become float32 too', () => {
  const cast = createNode('Cast', ['x'], ['y'], {attributes: [createAttribute('to', {int: 10n})]});
  const graph = createGraph({
    nodes: [cast],
    inputs: [createValueInfo('x', 'float32', [2])],
    outputs: [createValueInfo('y', 'float32', [2])],
  });
  expect(widenHalfPrecision(createModel(graph)).graph.nodes[0]?.attributes[0]?.int).toBe(1n);
});

it('a model without float16 stays the very same object', () => {
  const other = modelWithBodies();
  expect(widenHalfPrecision(other)).toBe(other);
});
