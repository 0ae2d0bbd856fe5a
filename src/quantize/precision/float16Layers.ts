import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import {float16Fit, LARGEST_FLOAT16, type Float16Fit} from './float16.ts';
import {
  CLAMPS_CONSTANTS,
  CONTRIBUTED_WITH_FLOAT16,
  FLOAT16_SINCE,
  float32Inputs,
  GROWING,
  PASSES_ON,
  TAMES,
  WORKS_ON_SEQUENCES,
} from './float16Operators.ts';
import {viewFloats} from './floatWeight.ts';
import type {GraphView} from './graphView.ts';
import {indexLayers} from './indexLayers.ts';
import {integerRegions} from './integerRegions.ts';
import type {KeptReason} from './loweredModel.ts';

export interface Float16Rules {
  /** By layer. */
  readonly keepFloat32: ReadonlyMap<string, KeptReason>;
  /** By tensor of the outer graph; those that are not here are taken to fit. */
  readonly ranges: ReadonlyMap<string, TensorRange>;
  /** Operators that the target runs in float32 only. */
  readonly float32Operators: ReadonlySet<string>;
  /** Looked up once for each constant. */
  readonly fitOf: (tensor: OnnxTensor) => Float16Fit;
}

/** The nodes that stay in float32, with the reason. Nodes without floats and those with bodies are not judged. */
export function float32Layers(view: GraphView, rules: Float16Rules): Map<OnnxNode, KeptReason> {
  const kept = new Map<OnnxNode, KeptReason>();
  const regions = integerRegions(view);
  const indices = indexLayers(view);
  // Tensors with values of which only float32 makes anything: far beyond float16, or all but 0.
  const extreme = new Set<string>();
  for (const node of view.nodes) {
    const floats = [...node.inputs, ...node.outputs].filter(name => view.typeOf(name) === 'float32');
    if (floats.length === 0) continue;
    const reason =
      rules.keepFloat32.get(view.layerOf(node)) ??
      (regions.has(node) ? 'quantized' : null) ??
      operatorReason(node, view.opset, rules) ??
      (indices.has(node) ? 'index-arithmetic' : null) ??
      extremeReason(node, extreme) ??
      (floats.some(name => isBeyond(rules.ranges.get(name))) ? 'out-of-range' : null) ??
      constantReason(node, view, rules);
    if (reason === null) continue;
    kept.set(node, reason);
    const isSource = isGrowing(node) || reason === 'underflows';
    if (isSource || (PASSES_ON.has(node.operator) && node.inputs.some(name => extreme.has(name)))) {
      for (const name of node.outputs) extreme.add(name);
    }
  }
  return kept;
}

/** Remembers the answer for each tensor. */
export function rememberFits(): Float16Rules['fitOf'] {
  const known = new Map<OnnxTensor, Float16Fit>();
  return tensor => {
    let fit = known.get(tensor);
    if (fit === undefined) {
      fit = float16Fit(viewFloats(tensor));
      known.set(tensor, fit);
    }
    return fit;
  };
}

/** Whether a float32 constant of the node is to be cut off at the ends of float16. */
export function isClampedConstant(
  node: OnnxNode,
  view: Pick<GraphView, 'constant' | 'typeOf' | 'producers'>,
): boolean {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return false;
  if (CLAMPS_CONSTANTS.has(node.operator)) return true;
  // (1 − mask) · −10^9: the mask comes from integers or booleans and is 0 or 1.
  return (
    node.operator === 'Mul' &&
    node.inputs.some(name => view.constant(name) === undefined && comesFromMask(name, view))
  );
}

function operatorReason(node: OnnxNode, opset: number, {float32Operators}: Float16Rules): KeptReason | null {
  const {operator, domain} = node;
  if (float32Operators.has(operator)) return 'no-float16';
  if (domain !== '' && domain !== 'ai.onnx') {
    return domain === 'com.microsoft' && CONTRIBUTED_WITH_FLOAT16.has(operator) ? null : 'no-float16';
  }
  if (opset < (FLOAT16_SINCE[operator] ?? 0)) return 'no-float16';
  if (WORKS_ON_SEQUENCES.has(operator)) return 'not-a-tensor';
  return isGrowing(node) ? 'grows' : null;
}

function isGrowing({operator, inputs}: OnnxNode): boolean {
  const isSquare = operator === 'Mul' && inputs[0] === inputs[1];
  return isSquare || GROWING.has(operator);
}

function extremeReason({operator, inputs}: OnnxNode, extreme: ReadonlySet<string>): KeptReason | null {
  if (!inputs.some(name => extreme.has(name))) return null;
  return PASSES_ON.has(operator) || TAMES.has(operator) ? 'grows' : null;
}

function isBeyond(range: TensorRange | undefined): boolean {
  return range !== undefined && Math.max(-range.min, range.max) > LARGEST_FLOAT16;
}

function constantReason(node: OnnxNode, view: GraphView, {fitOf}: Float16Rules): KeptReason | null {
  const stays = float32Inputs(node.operator, view.opset);
  for (const [place, name] of node.inputs.entries()) {
    const tensor = view.constant(name);
    if (tensor === undefined || view.typeOf(name) !== 'float32' || stays.includes(place)) continue;
    const fit = fitOf(tensor);
    if (fit.isAllUnderflow) return 'underflows';
    if (fit.isTooLarge && !isClampedConstant(node, view)) return 'out-of-range';
  }
  return null;
}

/** Through what keeps a mask of zeros and ones one: casts from other types, 1 − mask, new shapes. */
function comesFromMask(name: string, view: Pick<GraphView, 'constant' | 'typeOf' | 'producers'>): boolean {
  const producer = view.producers.get(name);
  switch (producer?.operator) {
    case 'Cast':
      return (
        view.typeOf(producer.inputs[0] ?? '') !== 'float32' || comesFromMask(producer.inputs[0] ?? '', view)
      );
    case 'Sub':
      return producer.inputs.every(input => view.constant(input) !== undefined || comesFromMask(input, view));
    case 'Expand':
    case 'Identity':
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
      return comesFromMask(producer.inputs[0] ?? '', view);
    default:
      return false;
  }
}
