import type {Graph, Layer} from '../../model/graph.ts';
import {bytesOfTensor} from '../../model/onnx/tensorData.ts';
import {integerAttribute, textAttribute} from '../nodeAttributes.ts';
import {DisjointClasses} from './disjointClasses.ts';
import {integerConstant} from './integerConstant.ts';
import {isOwnConstant} from './productOperands.ts';

/**
 * Which channels (axis 1) of which tensors may be multiplied by a common positive factor without changing what the model
 * answers: a class is freely scalable when every layer that makes one of its channels has weights that take the factor
 * up, every layer that reads one has weights that take it back, and all between are positively homogeneous.
 */
export interface ChannelClasses {
  /** Per tensor the class of each place along axis 1. Tensors that are not here are not scaled. */
  readonly ofTensor: ReadonlyMap<string, Int32Array>;
  readonly classCount: number;
  /** Classes that must keep factor 1: they reach an input, an output, or a layer that is not homogeneous. */
  readonly isFixed: (channelClass: number) => boolean;
  /** Layers whose weights take factors up or back: Conv and Gemm with constants of their own. */
  readonly weightedLayers: readonly Layer[];
  /** Constants added per channel, which grow with it: constant name to the tensor it is added to. */
  readonly addedConstants: ReadonlyMap<string, string>;
}

/** f(a·x) = a·f(x) for a > 0, channel by channel. */
const HOMOGENEOUS = new Set([
  'Relu',
  'LeakyRelu',
  'PRelu',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'Identity',
  'Dropout',
  'Abs',
]);

export function findChannelClasses(graph: Graph): ChannelClasses {
  const classes = new DisjointClasses();
  const ofTensor = new Map<string, Int32Array>();
  const weightedLayers: Layer[] = [];
  const addedConstants = new Map<string, string>();

  const channelsOf = (name: string): number => graph.tensors.get(name)?.shape?.[1] ?? 0;
  const isFloatTensor = (name: string): boolean => {
    const tensor = graph.tensors.get(name);
    return tensor?.elementType === 'float32' && !tensor.isWeight && channelsOf(name) > 0;
  };
  /** The classes of a tensor; one that nobody has described yet is fixed. */
  const classesOf = (name: string): Int32Array | null => {
    const known = ofTensor.get(name);
    if (known !== undefined) return known;
    if (!isFloatTensor(name)) return null;
    const made = classes.make(channelsOf(name));
    made.forEach(one => classes.fix(one));
    ofTensor.set(name, made);
    return made;
  };
  const fixAll = (names: readonly string[]): void => {
    for (const name of names) classesOf(name)?.forEach(one => classes.fix(one));
  };

  for (const layer of graph.layers) {
    const [input = ''] = layer.inputs;
    const [output = ''] = layer.outputs;
    if (isWeightedWithOwnConstants(graph, layer) && isFloatTensor(input) && isFloatTensor(output)) {
      classesOf(input);
      ofTensor.set(output, classes.make(channelsOf(output)));
      weightedLayers.push(layer);
      continue;
    }
    const passed = isFloatTensor(output) ? passedOn(graph, layer, classes, classesOf) : null;
    if (passed?.length === channelsOf(output) && passed.length > 0) {
      ofTensor.set(output, passed);
      const constant = layer.inputs.find(name => graph.tensors.get(name)?.isWeight);
      if (layer.operator === 'Add' && constant !== undefined) addedConstants.set(constant, output);
      continue;
    }
    fixAll([...layer.inputs, ...layer.outerInputs, ...layer.outputs]);
  }
  fixAll([...graph.inputs, ...graph.outputs]);
  const roots = new Map<string, Int32Array>();
  for (const [name, members] of ofTensor)
    roots.set(
      name,
      members.map(one => classes.find(one)),
    );
  return {
    ofTensor: roots,
    classCount: classes.count,
    isFixed: one => classes.isFixed(one),
    weightedLayers,
    addedConstants,
  };
}

/** Conv and Gemm whose weight and bias are constants that nothing else reads; the bias one number per output. */
function isWeightedWithOwnConstants(graph: Graph, {operator, domain, node}: Layer): boolean {
  if (domain !== '' || (operator !== 'Conv' && operator !== 'Gemm')) return false;
  if (integerAttribute(node, 'transA', 0) !== 0) return false;
  const [, weight = '', bias = ''] = node.inputs;
  if (!isOwnConstant(graph, weight)) return false;
  const isInputsFirst = operator === 'Gemm' && integerAttribute(node, 'transB', 0) === 0;
  const outputs = graph.tensors.get(weight)?.shape?.[isInputsFirst ? 1 : 0];
  const shape = graph.tensors.get(bias)?.shape;
  const hasOneEach = shape?.at(-1) === outputs && shape?.slice(0, -1).every(size => size === 1) === true;
  return bias === '' || (isOwnConstant(graph, bias) && hasOneEach);
}

/** The classes of a layer's output when it passes channels on; `null` when it does not, or nobody knows. */
function passedOn(
  graph: Graph,
  layer: Layer,
  classes: DisjointClasses,
  classesOf: (name: string) => Int32Array | null,
): Int32Array | null {
  const [input = '', second = ''] = layer.node.inputs;
  if (layer.domain !== '' || layer.outputs.length !== 1) return null;
  if (HOMOGENEOUS.has(layer.operator)) return classesOf(input);
  switch (layer.operator) {
    case 'Add':
      return passedThroughAdd(graph, [input, second], classes, classesOf);
    case 'Concat': {
      const parts = layer.inputs.map(classesOf);
      if (integerAttribute(layer.node, 'axis', 0) !== 1 || parts.some(part => part === null)) return null;
      return Int32Array.from(parts.flatMap(part => [...(part ?? [])]));
    }
    case 'Flatten':
    case 'Reshape':
      return spreadOverPlaces(graph, layer, classesOf(input));
    case 'Pad':
      return padded(graph, layer, classes, classesOf(input));
    case 'Slice':
      return sliced(graph, layer, classesOf(input));
    default:
      return null;
  }
}

function passedThroughAdd(
  graph: Graph,
  names: readonly string[],
  classes: DisjointClasses,
  classesOf: (name: string) => Int32Array | null,
): Int32Array | null {
  const constant = names.find(name => graph.tensors.get(name)?.isWeight);
  const [first = '', second = ''] = names.filter(name => name !== constant);
  const rankOf = (name: string): number => graph.tensors.get(name)?.shape?.length ?? 0;
  const one = classesOf(first);
  if (one === null) return null;
  if (constant === undefined) {
    const other = classesOf(second);
    // Of another rank, axis 1 of one is not added to axis 1 of the other.
    if (other?.length !== one.length || rankOf(first) !== rankOf(second)) return null;
    one.forEach((member, at) => classes.unite(member, other[at] ?? member));
    return one;
  }
  const {shape = []} = graph.tensors.get(constant) ?? {};
  const axis = shape.length - (rankOf(first) - 1);
  const hasOneEach = shape.every((size, at) => size === (at === axis ? one.length : 1));
  return axis >= 0 && axis <= 1 && hasOneEach && isOwnConstant(graph, constant) ? one : null;
}

/** [N, C, H, W] as [N, C·H·W]: each channel's class for each of its places. */
function spreadOverPlaces(graph: Graph, layer: Layer, members: Int32Array | null): Int32Array | null {
  const before = graph.tensors.get(layer.inputs[0] ?? '')?.shape;
  const after = graph.tensors.get(layer.outputs[0] ?? '')?.shape;
  if (members === null || before?.[0] === undefined || after?.length !== 2 || after[0] !== before[0])
    return null;
  const places = (after[1] ?? 0) / members.length;
  return Int32Array.from({length: after[1] ?? 0}, (_, at) => members[Math.floor(at / places)] ?? 0);
}

/** Channels of zeros that are added can be scaled by anything. */
function padded(
  graph: Graph,
  layer: Layer,
  classes: DisjointClasses,
  members: Int32Array | null,
): Int32Array | null {
  const [, pads = '', value = '', axes = ''] = layer.node.inputs;
  const amounts = integerConstant(graph, pads);
  const rank = graph.tensors.get(layer.inputs[0] ?? '')?.shape?.length;
  const mode = textAttribute(layer.node, 'mode') || 'constant';
  if (members === null || amounts === null || amounts.length !== 2 * (rank ?? 0) || axes !== '') return null;
  const [before = 0, after = 0] = [amounts[1], amounts[1 + (rank ?? 0)]];
  if (before < 0 || after < 0 || (mode !== 'constant' && (before > 0 || after > 0))) return null;
  if (mode === 'constant' && value !== '' && !isZero(graph, value)) return null;
  return Int32Array.from([...classes.make(before), ...members, ...classes.make(after)]);
}

function sliced(graph: Graph, layer: Layer, members: Int32Array | null): Int32Array | null {
  const [, startName = '', endName = '', axisName = '', stepName = ''] = layer.node.inputs;
  const starts = integerConstant(graph, startName);
  const ends = integerConstant(graph, endName);
  const rank = graph.tensors.get(layer.inputs[0] ?? '')?.shape?.length ?? 0;
  if (members === null || starts === null || ends === null) return null;
  const axes = axisName === '' ? starts.map((_, at) => at) : integerConstant(graph, axisName);
  const steps = stepName === '' ? starts.map(() => 1) : integerConstant(graph, stepName);
  const at = axes?.findIndex(axis => axis === 1 || axis + rank === 1);
  if (axes === null || steps === null || at === undefined) return null;
  if (at === -1) return members;
  if (steps[at] !== 1) return null;
  return members.slice(starts[at], ends[at]);
}

function isZero(graph: Graph, name: string): boolean {
  const tensor = graph.model.graph.initializers.find(one => one.name === name);
  return tensor !== undefined && bytesOfTensor(tensor).every(byte => byte === 0);
}
