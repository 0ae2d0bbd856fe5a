import {integerAttribute, integersAttribute} from '../nodeAttributes.ts';
import {
  axisFromEnd,
  endsOf,
  inputAt,
  joinBroadcast,
  joinTensors,
  refuseAxis,
  refuseLayer,
  shapeOf,
  type CouplingContext,
  type CouplingRule,
} from './couplingContext.ts';

/** One value out of one value in, at the same place. */
const UNARY =
  'Identity Dropout Cast Relu LeakyRelu Elu Celu Selu Gelu Mish Sigmoid HardSigmoid HardSwish Swish Tanh Softplus Softsign ' +
  'ThresholdedRelu Clip Abs Neg Exp Log Sqrt Reciprocal Erf Ceil Floor Round Sign Sin Cos Not';

/** One value out of the values at the same place of all inputs, which are spread as NumPy does. */
const BROADCASTING =
  'Add Sub Mul Div Pow Mod Min Max Mean Sum PRelu Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor';

/** The channels are axis 1 and stay apart; what lies behind it are positions. */
const POOLING = 'MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool';

const REDUCTIONS =
  'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp';

/** Results depend on the whole axis (default in brackets) or, of some operators, on all axes from there on. */
const SOFTMAXES = 'Softmax LogSoftmax Hardmax';

/** Since version 13 of the operators these look at one axis; before, at all from it on. */
const ONE_AXIS_SOFTMAX_OPSET = 13;

export const ELEMENTWISE_RULES: Readonly<Record<string, CouplingRule>> = {
  ...rulesFor(UNARY, coupleUnary),
  ...rulesFor(BROADCASTING, coupleBroadcasting),
  ...rulesFor(POOLING, couplePooling),
  ...rulesFor(REDUCTIONS, coupleReduction),
  ...rulesFor(SOFTMAXES, coupleSoftmax),
  BatchNormalization: coupleChannelVectors,
  InstanceNormalization: coupleChannelVectors,
  LRN: context => coupleMixing(context, [1]),
  LpNormalization: context => coupleMixing(context, [integerAttribute(context.layer.node, 'axis', -1)]),
  LayerNormalization: coupleLayerNormalization,
};

function rulesFor(operators: string, rule: CouplingRule): Record<string, CouplingRule> {
  return Object.fromEntries(operators.split(' ').map(operator => [operator, rule]));
}

/** A second output (Dropout's mask) is refused: nobody needs to know its channels. */
function coupleUnary(context: CouplingContext): void {
  const {x, y} = endsOf(context);
  if (context.layer.outputs.length > 1) refuseLayer(context, 'operator-unknown');
  else joinTensors(context, x, y);
}

function coupleBroadcasting(context: CouplingContext): void {
  const {y} = endsOf(context);
  for (const input of context.layer.inputs) joinBroadcast(context, input, y);
}

/** Scale, bias, mean and variance have one value per channel, which is axis 1. */
function coupleChannelVectors(context: CouplingContext): void {
  const {coupling, layer} = context;
  const {x, y} = endsOf(context);
  if (layer.outputs.length > 1) {
    refuseLayer(context, 'operator-unknown');
    return;
  }
  joinTensors(context, x, y);
  for (const vector of layer.node.inputs.slice(1)) coupling.joinAxes(vector, 0, y, 1);
  for (let axis = 2; axis < shapeOf(context, x).length; axis += 1) {
    if (layer.operator === 'InstanceNormalization') refuseAxis(context, x, axis, 'position');
  }
}

function couplePooling(context: CouplingContext): void {
  const {coupling} = context;
  const {x, y} = endsOf(context);
  if (context.layer.outputs.length > 1) {
    // MaxPool's indices count through the channels.
    refuseLayer(context, 'operator-unknown');
    return;
  }
  for (let axis = 0; axis < shapeOf(context, x).length; axis += 1) {
    if (axis < 2) coupling.joinAxes(x, axis, y, axis);
    else for (const tensor of [x, y]) refuseAxis(context, tensor, axis, 'position');
  }
}

/** The axes come as an attribute or, in newer versions, as an input. */
function coupleReduction(context: CouplingContext): void {
  const {coupling, layer, constants} = context;
  const {x, y} = endsOf(context);
  const rank = shapeOf(context, x).length;
  const given = inputAt(context, 1);
  const named =
    given === undefined ? (integersAttribute(layer.node, 'axes') ?? null) : constants.integers(given);
  if (given !== undefined && named === null) {
    refuseLayer(context, 'shape-computed');
    return;
  }
  const isNothing = named === null || named.length === 0;
  const isNoOperation = isNothing && integerAttribute(layer.node, 'noop_with_empty_axes', 0) !== 0;
  const reduced = isNothing
    ? Array.from({length: isNoOperation ? 0 : rank}, (_, axis) => axis)
    : named.map(axis => axisFromEnd(axis, rank));
  const keepsAxes = integerAttribute(layer.node, 'keepdims', 1) !== 0;
  for (let axis = 0, yAxis = 0; axis < rank; axis += 1) {
    if (reduced.includes(axis)) {
      refuseAxis(context, x, axis, 'mixes-channels');
      if (keepsAxes) yAxis += 1;
    } else {
      coupling.joinAxes(x, axis, y, yAxis);
      yAxis += 1;
    }
  }
}

function coupleSoftmax(context: CouplingContext): void {
  const {layer, opset} = context;
  const {length} = shapeOf(context, endsOf(context).x);
  const isOneAxis = opset >= ONE_AXIS_SOFTMAX_OPSET;
  const axis = axisFromEnd(integerAttribute(layer.node, 'axis', isOneAxis ? -1 : 1), length);
  coupleMixing(context, isOneAxis ? [axis] : axesFrom(axis, length));
}

/** Mixes all axes from `axis` on; scale and bias have their shape. */
function coupleLayerNormalization(context: CouplingContext): void {
  const {coupling, layer} = context;
  const {x} = endsOf(context);
  const {length} = shapeOf(context, x);
  const refusal = {reason: 'mixes-channels', layer: layer.name} as const;
  for (const tensor of [...layer.node.inputs.slice(1), ...layer.outputs.slice(1)])
    if (tensor !== '') coupling.refuseTensor(tensor, refusal);
  coupleMixing(context, axesFrom(axisFromEnd(integerAttribute(layer.node, 'axis', -1), length), length));
}

function coupleMixing(context: CouplingContext, mixed: readonly number[]): void {
  const {x, y} = endsOf(context);
  joinTensors(context, x, y);
  const {length} = shapeOf(context, x);
  for (const axis of mixed) refuseAxis(context, x, axisFromEnd(axis, length), 'mixes-channels');
}

function axesFrom(first: number, rank: number): number[] {
  return Array.from({length: rank - first}, (_, index) => first + index);
}
