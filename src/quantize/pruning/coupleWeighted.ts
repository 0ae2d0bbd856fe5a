import {integerAttribute} from '../nodeAttributes.ts';
import {
  endsOf,
  inputAt,
  joinBroadcast,
  refuseAxis,
  refuseLayer,
  shapeOf,
  type CouplingContext,
  type CouplingRule,
} from './couplingContext.ts';

/** Input channels and the weight's, output channels and the weight's and bias's; kernels stay. */
export const WEIGHTED_RULES: Readonly<Record<string, CouplingRule>> = {
  Conv: coupleConvolution,
  ConvTranspose: coupleTransposedConvolution,
  Gemm: coupleGemm,
  MatMul: coupleMatMul,
};

/** Weight [M, C/group, kernel…]. */
function coupleConvolution(context: CouplingContext): void {
  const {coupling, layer} = context;
  const weight = coupleWindow(context);
  if (weight === null) return;
  const {x, y} = endsOf(context);
  const [outputs = 0, perGroup = 0] = shapeOf(context, weight);
  const groups = integerAttribute(layer.node, 'group', 1);
  const outputsPerGroup = outputs / groups;
  coupling.joinAxes(weight, 0, y, 1);
  if (isChannelwise(groups, perGroup)) {
    refuseAxis(context, weight, 1, 'position');
    for (let output = 0; output < outputs; output += 1)
      coupling.join(x, 1, Math.floor(output / outputsPerGroup), y, 1, output);
    return;
  }
  for (let input = 0; input < perGroup * groups; input += 1)
    coupling.join(x, 1, input, weight, 1, input % perGroup);
  // Groups keep the same size: each loses the channel at the same place.
  for (let output = outputsPerGroup; output < outputs; output += 1)
    coupling.join(y, 1, output, y, 1, output % outputsPerGroup);
}

/** Weight [C, M/group, kernel…]. */
function coupleTransposedConvolution(context: CouplingContext): void {
  const {coupling, layer} = context;
  const weight = coupleWindow(context);
  if (weight === null) return;
  const {x, y} = endsOf(context);
  const [inputs = 0, outputsPerGroup = 0] = shapeOf(context, weight);
  const groups = integerAttribute(layer.node, 'group', 1);
  const perGroup = inputs / groups;
  coupling.joinAxes(x, 1, weight, 0);
  if (isChannelwise(groups, perGroup)) {
    refuseAxis(context, weight, 1, 'position');
    for (let output = 0; output < outputsPerGroup * groups; output += 1)
      coupling.join(x, 1, Math.floor(output / outputsPerGroup), y, 1, output);
    return;
  }
  for (let input = perGroup; input < inputs; input += 1) coupling.join(x, 1, input, x, 1, input % perGroup);
  for (let output = 0; output < outputsPerGroup * groups; output += 1)
    coupling.join(y, 1, output, weight, 1, output % outputsPerGroup);
}

/** One input channel per group: a filter of that channel, which passes it on. */
export function isChannelwise(groups: number, inputsPerGroup: number): boolean {
  return groups > 1 && inputsPerGroup === 1;
}

/** What both convolutions share; the weight's name, or `null` when the layer is refused. */
function coupleWindow(context: CouplingContext): string | null {
  const {coupling} = context;
  const {x, y} = endsOf(context);
  const weight = constantWeight(context);
  if (weight === null) return null;
  coupling.joinAxes(x, 0, y, 0);
  for (let axis = 2; axis < shapeOf(context, x).length; axis += 1) {
    for (const tensor of [x, weight, y]) refuseAxis(context, tensor, axis, 'position');
  }
  const bias = inputAt(context, 2);
  if (bias !== undefined) coupling.joinAxes(bias, 0, y, 1);
  return weight;
}

/** Y = A·B + C; A is [M, K], or [K, M] with transA; B is [K, N], or [N, K] with transB. */
function coupleGemm(context: CouplingContext): void {
  const {coupling, layer} = context;
  const {x, y} = endsOf(context);
  const weight = constantWeight(context);
  if (weight === null) return;
  const [rows, inputs] = integerAttribute(layer.node, 'transA', 0) === 0 ? [0, 1] : [1, 0];
  const [weightInputs, outputs] = integerAttribute(layer.node, 'transB', 0) === 0 ? [0, 1] : [1, 0];
  coupling.joinAxes(x, rows, y, 0);
  coupling.joinAxes(x, inputs, weight, weightInputs);
  coupling.joinAxes(y, 1, weight, outputs);
  const bias = inputAt(context, 2);
  if (bias !== undefined) joinBroadcast(context, bias, y);
}

/** Only activations times a constant matrix: the sum over the channels of two activations has no weights to judge by. */
function coupleMatMul(context: CouplingContext): void {
  const {coupling} = context;
  const {x, y} = endsOf(context);
  const weight = constantWeight(context);
  if (weight === null) return;
  const last = shapeOf(context, x).length - 1;
  if (shapeOf(context, weight).length !== 2) {
    refuseLayer(context, 'weights-batched');
    return;
  }
  for (let axis = 0; axis < last; axis += 1) coupling.joinAxes(x, axis, y, axis);
  coupling.joinAxes(x, last, weight, 0);
  coupling.joinAxes(y, last, weight, 1);
}

function constantWeight(context: CouplingContext): string | null {
  const {graph, layer} = context;
  const [, weight = '', ...bias] = layer.node.inputs;
  const operands = [weight, ...bias.filter(name => name !== '')].map(name => graph.tensors.get(name));
  if (operands.every(tensor => tensor?.isWeight === true && tensor.elementType === 'float32')) return weight;
  const isConstant = operands.every(tensor => tensor?.isWeight === true);
  refuseLayer(context, isConstant ? 'weights-not-float32' : 'weights-computed');
  return null;
}
