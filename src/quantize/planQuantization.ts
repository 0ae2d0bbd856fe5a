import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import type {Graph, Layer} from '../model/graph.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {candidateLayers, type Candidate} from './candidateLayers.ts';
import {decodingLayers, followedBy} from './decodeTails.ts';
import {constantsOf, floatsOfTensor} from './floatsOfTensor.ts';
import {feedsIntegers, integerLayers, readsIntegers} from './integerLayers.ts';
import type {FloatReason, QuantizationPlan, TensorRange, WeightedLayer} from './quantizationPlan.ts';
import {sourcesOfMoved} from './movedValues.ts';
import {ScaleGroups} from './scaleGroups.ts';

/** A layer that computes on integers. */
interface Chosen extends Candidate {
  /** Its result leaves the integer kernel as float32. */
  readonly givesFloat: boolean;
}

/**
 * Decides from the graph and the target's capability table which layers compute on integers, which tensors share a scale
 * and why the rest stays in float. The layers need names of their own.
 * @param keepFloat layers that must stay in float, by name, with the reason to be reported
 */
export function planQuantization(
  graph: Graph,
  scheme: QuantizationScheme,
  keepFloat: ReadonlyMap<string, FloatReason> = new Map(),
): QuantizationPlan {
  const constants = constantsOf(graph);
  const {candidates, refused} = candidateLayers(graph, scheme, keepFloat, constants);
  const decoding = decodingLayers(graph, weightedOf(candidates));
  const usable = new Map([...candidates].filter(([index]) => !decoding.has(index)));
  const chosen = withFloatResults(graph, scheme, integerLayers(graph, usable));
  const activations = [...chosen.values()].flatMap(({activation}) => (activation ? [activation] : []));
  const absorbed = new Set(activations.filter(one => one.isAbsorbed).map(({layer}) => layer.index));
  const integer = new Set([...chosen.keys(), ...activations.map(({layer}) => layer.index)]);
  const isFollowed = followedBy(graph, weightedOf(chosen));

  return {
    activations: activationsOf(graph, scheme, chosen, constants),
    weighted: [...chosen.values()].flatMap(weightedLayer),
    absorbed: new Set([...absorbed].map(index => graph.layers[index]?.name ?? '')),
    quantizedLayers: graph.layers.flatMap(({index, name}) =>
      integer.has(index) && !absorbed.has(index) ? [name] : [],
    ),
    floatLayers: graph.layers.flatMap(({index, name}) =>
      integer.has(index) ? [] : [{layer: name, reason: refused.get(index) ?? reasonLeftOver(index)}],
    ),
  };

  function reasonLeftOver(index: number): FloatReason {
    if (!isFollowed.has(index)) return 'decode-tail';
    const candidate = candidates.get(index);
    return candidate !== undefined && readsIntegers(graph, candidate, chosen)
      ? 'output-in-float'
      : 'input-in-float';
  }
}

/** The tensors whose ranges have to be measured before the plan can be carried out. */
export function tensorsToMeasure(plan: QuantizationPlan): string[] {
  return [...plan.activations].filter(([, {fixed}]) => fixed === undefined).map(([name]) => name);
}

/**
 * Weighted layers whose result only float layers read hand it out in float, where their kernel can; an activation after
 * them is then a float layer too.
 */
function withFloatResults(
  graph: Graph,
  scheme: QuantizationScheme,
  chosen: ReadonlyMap<number, Candidate>,
): Map<number, Chosen> {
  return new Map(
    [...chosen].map(([index, candidate]) => {
      const {rule, layer} = candidate;
      const given = rule.kind === 'weighted' && (rule.canGiveFloat ?? scheme.leavesWeightedOutputs ?? false);
      const canGiveFloat = given === 'unless-activated' ? !isActivated(graph, layer) : given;
      const givesFloat = canGiveFloat && !feedsIntegers(graph, candidate, chosen);
      const own = givesFloat ? {outputs: layer.outputs, activation: null} : {};
      return [index, {...candidate, ...own, givesFloat}];
    }),
  );
}

/** @see onnxruntime 1.30, core/optimizer/gemm_activation_fusion.cc */
const FUSED_ACTIVATIONS = new Set([
  'Elu',
  'HardSigmoid',
  'LeakyRelu',
  'Relu',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'Tanh',
  'ThresholdedRelu',
]);

/** Whether an activation that is fused into a layer before it is all that reads it. */
function isActivated(graph: Graph, {outputs: [output = '']}: Layer): boolean {
  const tensor = graph.tensors.get(output);
  const [reader] = tensor?.consumers ?? [];
  return (
    tensor?.isOutput === false &&
    tensor.consumers.length === 1 &&
    FUSED_ACTIVATIONS.has(graph.layers[reader ?? -1]?.operator ?? '')
  );
}

function activationsOf(
  graph: Graph,
  scheme: QuantizationScheme,
  chosen: ReadonlyMap<number, Chosen>,
  constants: ReadonlyMap<string, OnnxTensor>,
): QuantizationPlan['activations'] {
  const groups = new ScaleGroups();
  const fixed = new Map<string, TensorRange>();
  for (const {rule, inputs, outputs, givesFloat} of chosen.values()) {
    for (const name of inputs) {
      groups.add(name);
      const known = knownRange(graph, scheme, constants, name);
      if (known !== null) fixed.set(name, known);
    }
    if (givesFloat) continue;
    for (const name of outputs) groups.add(name);
    if (rule.kind === 'same-scale' || rule.kind === 'joined-scale') groups.join([...inputs, ...outputs]);
    for (const name of outputs) {
      const known = knownRange(graph, scheme, constants, name);
      if (known !== null) fixed.set(name, known);
    }
  }
  for (const name of groups.numbers().keys()) {
    const source = sourcesOfMoved(graph, constants, name).find(one => groups.has(one));
    if (source !== undefined && !fixed.has(name) && !fixed.has(source)) groups.join([source, name]);
  }
  return new Map(
    [...groups.numbers()].map(([name, group]) => {
      const range = fixed.get(name);
      return [name, range === undefined ? {group} : {group, fixed: range}];
    }),
  );
}

/** Of constants, and of what an operator with known values gives, also where that is computed in float. */
function knownRange(
  graph: Graph,
  scheme: QuantizationScheme,
  constants: ReadonlyMap<string, OnnxTensor>,
  name: string,
): TensorRange | null {
  const constant = constants.get(name);
  if (constant !== undefined) return rangeOfValues(floatsOfTensor(constant));
  const maker = graph.layers[graph.tensors.get(name)?.producer ?? -1];
  const rule = maker?.domain === '' ? scheme.operators[maker.operator] : undefined;
  return rule?.kind === 'fixed-output' ? {min: rule.min, max: rule.max} : null;
}

function weightedOf(candidates: ReadonlyMap<number, Candidate>): Set<number> {
  return new Set([...candidates].filter(([, {rule}]) => rule.kind === 'weighted').map(([index]) => index));
}

function weightedLayer({layer, operands, outputs}: Candidate): WeightedLayer[] {
  const [ownOutput] = layer.outputs;
  const [output] = outputs;
  if (operands === null || ownOutput === undefined || output === undefined) return [];
  return [{...operands, layer: layer.name, output, ownOutput}];
}

function rangeOfValues(values: Float32Array): TensorRange {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return values.length === 0 ? {min: 0, max: 0} : {min, max};
}
