import type {Layer} from '../../model/graph.ts';
import {integerAttribute} from '../nodeAttributes.ts';

/** Which channels a weight of a Conv or Gemm connects, by its place in the row-major tensor of `dims`. */
export function weightPlaces(
  layer: Layer,
  dims: readonly number[],
): {readonly inputOf: (at: number) => number; readonly outputOf: (at: number) => number} {
  const [first = 1, second = 1, ...kernel] = dims;
  const area = kernel.reduce((all, size) => all * size, 1);
  const rowOf = (at: number): number => Math.floor(at / (second * area));
  const columnOf = (at: number): number => Math.floor(at / area) % second;
  if (layer.operator === 'Gemm' && integerAttribute(layer.node, 'transB', 0) === 0)
    return {inputOf: rowOf, outputOf: columnOf};
  const groups = layer.operator === 'Conv' ? integerAttribute(layer.node, 'group', 1) : 1;
  const outputsPerGroup = first / groups;
  return {
    inputOf: at => Math.floor(rowOf(at) / outputsPerGroup) * second + columnOf(at),
    outputOf: rowOf,
  };
}
