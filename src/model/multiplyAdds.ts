import {countElements} from '../documents/elementTypes.ts';
import type {Graph, Layer} from './graph.ts';
import {bodiesOf} from './subgraphs.ts';

/** Where the operators of convolution and matrix kind have their operands. */
const CONVOLUTIONS: Readonly<Record<string, {weight: number}>> = {
  Conv: {weight: 1},
  FusedConv: {weight: 1},
  ConvInteger: {weight: 1},
  QLinearConv: {weight: 3},
};
const MATRIX_PRODUCTS = new Set([
  'MatMul',
  'FusedMatMul',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'QLinearMatMul',
  'Gemm',
  'FusedGemm',
  'QGemm',
]);
const RECURRENT = new Set(['LSTM', 'GRU', 'RNN', 'DynamicQuantizeLSTM']);

/**
 * Multiply-adds of one run of the layer: convolutions, matrix products, recurrent layers and Einsum of two operands.
 * Everything else (activations, pooling, normalisation, element-wise arithmetic) counts as 0; `null` when a shape is
 * unknown, and for If, Loop and Scan, whose work depends on the values.
 */
export function multiplyAddsOf(graph: Graph, layer: Layer): number | null {
  const {operator, node} = layer;
  const shapeAt = (place: number): readonly number[] | undefined =>
    graph.tensors.get(node.inputs[place] ?? '')?.shape;
  const output = graph.tensors.get(node.outputs[0] ?? '')?.shape;
  const integer = (name: string): number => Number(node.attributes.find(one => one.name === name)?.int ?? 0n);

  const convolution = CONVOLUTIONS[operator];
  if (convolution !== undefined) {
    const weight = shapeAt(convolution.weight);
    // Weight [M, C / group, kernel…]: every output element needs one product per weight of its channel.
    return weight && output ? countElements(output) * countElements(weight.slice(1)) : null;
  }
  if (operator === 'ConvTranspose') {
    const input = shapeAt(0);
    const weight = shapeAt(1);
    return weight && input ? countElements(input) * countElements(weight.slice(1)) : null;
  }
  if (MATRIX_PRODUCTS.has(operator)) {
    const left = shapeAt(0);
    const isTransposed = integer('transA') !== 0 && (left?.length ?? 0) > 1;
    const inner = left?.at(isTransposed ? -2 : -1);
    return inner !== undefined && output ? countElements(output) * inner : null;
  }
  if (operator === 'MatMulNBits') return output ? countElements(output) * integer('K') : null;
  if (RECURRENT.has(operator)) {
    const [steps, batch] = shapeAt(0) ?? [];
    const weight = shapeAt(1);
    const recurrence = shapeAt(2);
    if (steps === undefined || batch === undefined || !weight || !recurrence) return null;
    return steps * batch * (countElements(weight) + countElements(recurrence));
  }
  if (operator === 'Einsum') return multiplyAddsOfEinsum(layer, shapeAt);
  return bodiesOf(node).length > 0 ? null : 0;
}

/** The product of the sizes of all indices: exact for two operands, which is what models have. */
function multiplyAddsOfEinsum(
  layer: Layer,
  shapeAt: (place: number) => readonly number[] | undefined,
): number | null {
  const bytes = layer.node.attributes.find(({name}) => name === 'equation')?.string;
  const equation = new TextDecoder().decode(bytes).replaceAll(' ', '');
  const operands = (equation.split('->')[0] ?? '').split(',');
  if (operands.length === 1) return 0;
  if (operands.length > 2 || equation.includes('.')) return null;
  const sizes = new Map<string, number>();
  for (const [place, indices] of operands.entries()) {
    const shape = shapeAt(place);
    if (shape === undefined) return null;
    [...indices].forEach((index, axis) =>
      sizes.set(index, Math.max(sizes.get(index) ?? 1, shape[axis] ?? 1)),
    );
  }
  return countElements([...sizes.values()]);
}
