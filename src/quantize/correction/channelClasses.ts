import type {Graph, Layer} from '../../model/graph.ts';
import {bytesOfTensor} from '../../model/onnx/tensorData.ts';
import {integerAttribute, textAttribute} from '../nodeAttributes.ts';
import {integerConstant} from './integerConstant.ts';

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

/** Conv and Gemm whose weight and bias are constants that nothing else reads. */
function isWeightedWithOwnConstants(graph: Graph, layer: Layer): boolean {
  if (layer.domain !== '' || (layer.operator !== 'Conv' && layer.operator !== 'Gemm')) return false;
  if (integerAttribute(layer.node, 'transA', 0) !== 0) return false;
  const [, ...constants] = layer.node.inputs;
  return constants
    .filter(name => name !== '')
    .every(name => {
      const tensor = graph.tensors.get(name);
      const isOwn = tensor?.consumers.length === 1 && !tensor.isOutput && !tensor.isSparse;
      return tensor?.isWeight === true && tensor.elementType === 'float32' && isOwn;
    });
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
  const weights = names.filter(name => graph.tensors.get(name)?.isWeight);
  const [first = '', second = ''] = names.filter(name => !weights.includes(name));
  const one = classesOf(first);
  if (one === null) return null;
  if (weights.length === 0) {
    const other = classesOf(second);
    if (other === null || other.length !== one.length) return null;
    one.forEach((member, at) => classes.unite(member, other[at] ?? member));
    return one;
  }
  const constant = graph.tensors.get(weights[0] ?? '');
  const rank = graph.tensors.get(first)?.shape?.length ?? 0;
  const axis = (constant?.shape?.length ?? 0) - (rank - 1);
  const isPerChannel = constant?.shape?.[axis] === one.length && constant.elementType === 'float32';
  return isPerChannel && constant.consumers.length === 1 && !constant.isOutput ? one : null;
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

/** Disjoint sets with path halving; a set is fixed when one of its members is. */
class DisjointClasses {
  readonly #parents: number[] = [];
  readonly #fixed: boolean[] = [];

  get count(): number {
    return this.#parents.length;
  }

  make(count: number): Int32Array {
    const first = this.#parents.length;
    for (let at = 0; at < count; at += 1) {
      this.#parents.push(first + at);
      this.#fixed.push(false);
    }
    return Int32Array.from({length: count}, (_, at) => first + at);
  }

  find(member: number): number {
    let at = member;
    for (let parent = this.#parents[at] ?? at; parent !== at; parent = this.#parents[at] ?? at) {
      this.#parents[at] = this.#parents[parent] ?? parent;
      at = this.#parents[at] ?? at;
    }
    return at;
  }

  unite(one: number, other: number): void {
    const [a, b] = [this.find(one), this.find(other)];
    this.#parents[b] = a;
    if (this.#fixed[b] === true) this.#fixed[a] = true;
  }

  fix(member: number): void {
    this.#fixed[this.find(member)] = true;
  }

  isFixed(member: number): boolean {
    return this.#fixed[this.find(member)] === true;
  }
}
