import type {Graph, GraphTensor, Layer} from '../model/graph.ts';
import {integerAttribute} from './nodeAttributes.ts';
import type {FloatReason} from './quantizationPlan.ts';

/** The operands of a layer with constant weights, whatever its operator calls them. */
export interface WeightedOperands {
  readonly input: string;
  readonly weight: string;
  readonly bias: string | null;
  /** Axis of the weight's output channels. */
  readonly channelAxis: number;
}

/**
 * What a weighted layer multiplies and adds, or why it cannot be quantised: weight and bias must be dense float32
 * constants, the bias a vector over the output channels (or a scalar, for Gemm).
 */
export function weightedOperands(graph: Graph, layer: Layer): WeightedOperands | FloatReason {
  const {node} = layer;
  const [input = '', weightName = '', biasName = ''] = node.inputs;
  const weight = graph.tensors.get(weightName);
  if (weight === undefined || !isConstant(weight) || weight.shape === undefined)
    return 'weights-not-constant';
  if (graph.tensors.get(input)?.isWeight === true) return 'no-kernel';
  const axis = channelAxisOf(layer, weight.shape.length);
  if (axis === null) return 'no-kernel';
  if (biasName !== '') {
    const bias = graph.tensors.get(biasName);
    if (bias === undefined || !isConstant(bias)) return 'weights-not-constant';
    if (!spansChannels(layer, bias.shape ?? [], outputChannels(layer, weight.shape, axis)))
      return 'no-kernel';
  }
  return {input, weight: weightName, bias: biasName === '' ? null : biasName, channelAxis: axis};
}

/** How many channels the layer's output has: the weight's, times the groups of a ConvTranspose. */
export function outputChannels(layer: Layer, weightShape: readonly number[], channelAxis: number): number {
  const groups = layer.operator === 'ConvTranspose' ? integerAttribute(layer.node, 'group', 1) : 1;
  return (weightShape[channelAxis] ?? 0) * groups;
}

/** `null` for operators and ranks that have no such axis. */
function channelAxisOf({operator, node}: Layer, rank: number): number | null {
  switch (operator) {
    case 'Conv':
      return rank >= 3 ? 0 : null;
    case 'ConvTranspose':
      return rank >= 3 ? 1 : null;
    case 'Gemm':
      return integerAttribute(node, 'transB', 0) === 0 ? 1 : 0;
    case 'MatMul':
      return rank >= 2 ? rank - 1 : null;
    default:
      return null;
  }
}

function spansChannels({operator}: Layer, shape: readonly number[], channels: number): boolean {
  if (operator !== 'Gemm') return shape.length === 1 && shape[0] === channels;
  const [last = 1, ...outer] = shape.toReversed();
  return (last === channels || last === 1) && outer.every(size => size === 1);
}

function isConstant(tensor: GraphTensor): boolean {
  return tensor.isWeight && !tensor.isSparse;
}
