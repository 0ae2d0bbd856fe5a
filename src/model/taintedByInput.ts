import type {Graph, Layer} from './graph.ts';
import {bodiesOf} from './subgraphs.ts';

/** Operators that move, select, rescale or convert values one by one: what comes out still is the picture. */
const KEEPS_VALUES = new Set(
  [
    'Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Pad Cast CastLike Expand Tile Concat Gather GatherND',
    'GatherElements ReverseSequence DepthToSpace SpaceToDepth Dropout BitCast CenterCropPad',
    // A smaller picture is a picture; so is one pooled.
    'Resize Upsample Crop GridSample AffineGrid MaxPool AveragePool LpPool',
    'QuantizeLinear DequantizeLinear DynamicQuantizeLinear',
    'BatchNormalization InstanceNormalization LayerNormalization GroupNormalization RMSNormalization LpNormalization',
    'MeanVarianceNormalization LRN ImageScaler Scaler Normalizer',
    'Abs Neg Ceil Floor Round Exp Log Sqrt Reciprocal Sign Erf Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid',
    'HardSigmoid HardSwish Mish Tanh Softplus Softsign ThresholdedRelu Clip BitShift Not',
    'SequenceConstruct SplitToSequence SequenceAt SequenceInsert ConcatFromSequence Optional OptionalGetElement',
    'QLinearConcat QLinearLeakyRelu QLinearSigmoid QLinearAveragePool NhwcMaxPool',
  ].flatMap(line => line.split(' ')),
);
/** Element-wise arithmetic: as raw as its operands when the others are constants. */
const COMBINES_VALUES = new Set(
  'Add Sub Mul Div Pow Mod Min Max Mean Sum Where QLinearAdd QLinearMul'.split(' '),
);
/** Domains whose operators are known well enough to say that the rest of them mixes values. */
const KNOWN_DOMAINS = new Set(['', 'ai.onnx.ml', 'com.microsoft']);

/**
 * Names of the tensors that still are the raw input: the inputs, and what is reached from them through views, selections,
 * rescaling, conversions and element-wise functions with constants. What a layer of another domain, a model's own
 * function or a control-flow body makes of it counts as raw, because nothing is known about it.
 */
export function taintedByInput(graph: Graph): Set<string> {
  const tainted = new Set(graph.inputs);
  const constants = new Set(
    [...graph.tensors.values()].filter(({isWeight}) => isWeight).map(({name}) => name),
  );
  const functions = new Set(graph.model.functions.map(({domain, name}) => `${domain}:${name}`));
  for (const layer of graph.layers) {
    const reads = [...layer.inputs, ...layer.outerInputs];
    if (reads.every(name => constants.has(name))) {
      for (const name of layer.outputs) constants.add(name);
    } else if (reads.some(name => tainted.has(name))) {
      for (const name of rawOutputs(layer, reads, tainted, constants, functions)) tainted.add(name);
    }
  }
  return tainted;
}

function rawOutputs(
  layer: Layer,
  reads: readonly string[],
  tainted: ReadonlySet<string>,
  constants: ReadonlySet<string>,
  functions: ReadonlySet<string>,
): readonly string[] {
  const {operator, domain, node, outputs} = layer;
  const isOpaque =
    !KNOWN_DOMAINS.has(domain) || functions.has(`${domain}:${operator}`) || bodiesOf(node).length > 0;
  if (isOpaque) return outputs;
  if (COMBINES_VALUES.has(operator)) {
    return reads.every(name => tainted.has(name) || constants.has(name)) ? outputs : [];
  }
  if (!KEEPS_VALUES.has(operator)) return [];
  // The second output of these is a mask, a scale or an index; Split's are all parts of the value.
  const isWhole = operator === 'Split' || operator === 'SplitToSequence';
  const [first] = node.outputs;
  return isWhole || first === undefined ? outputs : [first];
}
