import type {OperatorRule, QuantizationScheme} from '../documents/quantizationScheme.ts';
import type {Graph, Layer} from '../model/graph.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {isAbsorbable, isOnlyReader} from './absorbedLayers.ts';
import type {FloatReason} from './quantizationPlan.ts';
import {weightedOperands, type WeightedOperands} from './weightedOperands.ts';

/** A layer that the target could compute on integers, seen by itself. */
export interface Candidate {
  readonly layer: Layer;
  readonly rule: OperatorRule;
  /** The float tensors it takes in integers, without weights and biases of weighted layers. */
  readonly inputs: readonly string[];
  /** The float tensors that carry its results: those of the activation after it instead of its own. */
  readonly outputs: readonly string[];
  readonly operands: WeightedOperands | null;
  /** The Relu or Clip that belongs to this layer's output. */
  readonly activation: Activation | null;
}

export interface Activation {
  readonly layer: Layer;
  /** It disappears into the rounding of the output; else it stays between the layer and the rounding. */
  readonly isAbsorbed: boolean;
}

export interface Candidates {
  /** By index of the layer. */
  readonly candidates: ReadonlyMap<number, Candidate>;
  /** By index, why layers are none; absorbable ones are not here unless they are kept. */
  readonly refused: ReadonlyMap<number, FloatReason>;
}

/** What the target's table and the layers themselves allow, before anything is said about neighbours. */
export function candidateLayers(
  graph: Graph,
  scheme: QuantizationScheme,
  keepFloat: ReadonlyMap<string, FloatReason>,
  constants: ReadonlyMap<string, OnnxTensor>,
): Candidates {
  const isFloat = floatTensors(graph, scheme);
  const candidates = new Map<number, Candidate>();
  const refused = new Map<number, FloatReason>();
  for (const layer of graph.layers) {
    const kept = keepFloat.get(layer.name);
    const candidate = kept ?? candidateFromLayer(graph, scheme, layer, isFloat);
    if (typeof candidate === 'string') refused.set(layer.index, candidate);
    else candidates.set(layer.index, candidate);
  }
  for (const [index, {layer, rule}] of candidates) {
    if (rule.kind !== 'absorbed') continue;
    candidates.delete(index);
    const before = candidates.get(graph.tensors.get(layer.inputs[0] ?? '')?.producer ?? -1);
    const isAbsorbed = isAbsorbable(graph, layer, constants, scheme.activations.isSymmetric);
    const isKept = !isAbsorbed && scheme.leavesWeightedOutputs === true && isOnlyReader(graph, layer);
    if (before !== undefined && (isAbsorbed || isKept)) {
      candidates.set(before.layer.index, {
        ...before,
        outputs: layer.outputs,
        activation: {layer, isAbsorbed},
      });
    } else {
      refused.set(index, before === undefined ? 'input-in-float' : 'no-kernel');
    }
  }
  return {candidates, refused};
}

function candidateFromLayer(
  graph: Graph,
  scheme: QuantizationScheme,
  layer: Layer,
  isFloat: ReadonlySet<string>,
): Candidate | FloatReason {
  const rule = layer.domain === '' ? scheme.operators[layer.operator] : undefined;
  if (layer.outputs.every(name => isOtherType(graph, name))) return 'not-float32';
  if (rule === undefined || layer.outerInputs.length > 0) return 'no-kernel';
  if (!layer.outputs.every(name => isFloat.has(name))) return 'no-kernel';
  const plain = {layer, rule, outputs: layer.outputs, operands: null, activation: null};
  if (rule.kind === 'weighted') {
    const operands = weightedOperands(graph, layer);
    if (typeof operands === 'string') return operands;
    if (!isFloat.has(operands.input) || !isFloat.has(operands.weight)) return 'not-float32';
    if (isTooSmall(graph, scheme, layer, operands)) return 'too-small';
    if (isMiscomputed(graph, scheme, layer, operands)) return 'no-kernel';
    return {...plain, inputs: [operands.input], operands};
  }
  const takesAll = rule.kind === 'own-scales' || rule.kind === 'joined-scale';
  const inputs = (takesAll ? layer.inputs : layer.inputs.slice(0, 1)).filter(name => isFloat.has(name));
  const isReadable = inputs.every(name => graph.tensors.get(name)?.isSparse === false);
  const isConstant = inputs.every(name => graph.tensors.get(name)?.isWeight === true);
  if (inputs.length === 0 || isConstant || !isReadable) return 'no-kernel';
  return {...plain, inputs: withoutMainPath(graph, scheme, layer, inputs)};
}

/**
 * At the Add of a skip connection the weighted layer of the main path takes the skip side as a further operand of its
 * own kernel, if its result comes there in float. The main path is that of the last such layer.
 */
function withoutMainPath(
  graph: Graph,
  scheme: QuantizationScheme,
  {operator}: Layer,
  inputs: readonly string[],
): readonly string[] {
  if (scheme.quantizesSkipInputOnly !== true || operator !== 'Add' || inputs.length !== 2) return inputs;
  const mainPaths = inputs.flatMap(name => {
    const tensor = graph.tensors.get(name);
    const producer = graph.layers[tensor?.producer ?? -1];
    const isPrivate = tensor?.consumers.length === 1 && !tensor.isOutput;
    const isWeighted = producer !== undefined && scheme.operators[producer.operator]?.kind === 'weighted';
    return isPrivate && isWeighted ? [{name, index: producer.index}] : [];
  });
  const main = mainPaths.toSorted((one, other) => one.index - other.index).at(-1);
  return inputs.filter(name => name !== main?.name);
}

/**
 * Tensors known to be float32: as declared, else because the operators of capability tables give what they take, and the
 * operands of arithmetic are of one type.
 */
function floatTensors(graph: Graph, scheme: QuantizationScheme): Set<string> {
  const isFloat = new Set<string>();
  for (const tensor of graph.tensors.values()) if (tensor.elementType === 'float32') isFloat.add(tensor.name);
  for (const {operator, domain, inputs, outputs} of graph.layers) {
    const rule = domain === '' ? scheme.operators[operator] : undefined;
    if (rule === undefined || !inputs.some(name => isFloat.has(name))) continue;
    const hasOneType = rule.kind === 'weighted' || rule.kind === 'own-scales' || rule.kind === 'joined-scale';
    for (const name of hasOneType ? [...inputs, ...outputs] : outputs) {
      if (!isOtherType(graph, name)) isFloat.add(name);
    }
  }
  return isFloat;
}

function isOtherType(graph: Graph, name: string): boolean {
  const elementType = graph.tensors.get(name)?.elementType;
  return elementType !== undefined && elementType !== 'float32';
}

function isTooSmall(
  graph: Graph,
  {smallestMatMulSide = 0}: QuantizationScheme,
  {operator}: Layer,
  {weight}: WeightedOperands,
): boolean {
  if (operator !== 'MatMul' && operator !== 'Gemm') return false;
  return (
    graph.tensors
      .get(weight)
      ?.shape?.slice(-2)
      .some(size => size < smallestMatMulSide) === true
  );
}

function isMiscomputed(
  graph: Graph,
  {miscomputedMatrixRows = []}: QuantizationScheme,
  {operator}: Layer,
  {input}: WeightedOperands,
): boolean {
  if (miscomputedMatrixRows.length === 0 || (operator !== 'MatMul' && operator !== 'Gemm')) return false;
  const shape = graph.tensors.get(input)?.shape;
  if (shape === undefined) return true;
  const [rows = 1] = shape;
  return shape.length === 2 && miscomputedMatrixRows.includes(rows);
}
