import {sizeInBytes} from '../../documents/elementTypes.ts';
import {dropUnused} from '../../model/dropUnused.ts';
import {withMeasuredTypes, type MeasuredType} from '../../model/exposeAllTensors.ts';
import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import type {OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo} from '../../model/onnx/messages.ts';
import {mapSame} from '../../model/onnx/rewriteTensors.ts';
import {bytesOfTensor, elementTypeOfTensor, tensorFromValue} from '../../model/onnx/tensorData.ts';
import {constantValues} from './constantValues.ts';
import type {Coupling} from './coupling.ts';
import {shrinkNode} from './shrinkNode.ts';

/**
 * The model without these channels: weights, biases, vectors and constants lose their places, and shapes, groups, slices,
 * pads and splits follow. Layers and tensors keep their names.
 * @throws RangeError for a channel that must stay, or when an axis would be left empty
 */
export function removeChannels(graph: Graph, coupling: Coupling, removed: ReadonlySet<number>): Graph {
  for (const channel of removed) {
    const refusal = coupling.refusalOf(channel);
    if (refusal !== null) throw new RangeError(`channel ${channel} must stay: ${refusal.reason}`);
  }
  const keptAlong = keptIndices(coupling, removed);
  const {model} = graph;
  const added: OnnxTensor[] = [];
  const taken = new Set(graph.tensors.keys());
  const context = {
    constants: constantValues(model),
    shapeOf: (tensor: string) => coupling.shapeOf(tensor) ?? [],
    keptAlong,
    addIntegers(hint: string, values: readonly number[]): string {
      let name = hint;
      for (let count = 1; taken.has(name); count += 1) name = `${hint}_${count}`;
      taken.add(name);
      const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      added.push(tensorFromValue(name, {elementType: 'int64', shape: [values.length], bytes}));
      return name;
    },
  };
  const shrinkInfo = (info: OnnxValueInfo): OnnxValueInfo => shrinkValueInfo(info, keptAlong);
  const nodes = mapSame(model.graph.nodes, (node: OnnxNode) => shrinkNode(node, context));
  const initializers = mapSame(model.graph.initializers, tensor => shrinkTensor(tensor, keptAlong));
  const shrunk: OnnxModel = {
    ...model,
    graph: {
      ...model.graph,
      nodes,
      initializers: [...initializers, ...added],
      inputs: mapSame(model.graph.inputs, shrinkInfo),
      outputs: mapSame(model.graph.outputs, shrinkInfo),
      valueInfos: mapSame(model.graph.valueInfos, shrinkInfo),
    },
  };
  return withMeasuredTypes(graphFromModel(dropUnused(shrunk)), shrunkTypes(graph, keptAlong));
}

/** The indices that stay along an axis; `null` when all do. */
export type KeptAlong = (tensor: string, axis: number) => Int32Array | null;

/** @throws RangeError when nothing is kept along an axis */
export function keptIndices(coupling: Coupling, removed: ReadonlySet<number>): KeptAlong {
  const known = new Map<string, (Int32Array | null)[]>();
  return (tensor, axis) => {
    const axes = known.get(tensor) ?? [];
    known.set(tensor, axes);
    const before = axes[axis];
    if (before !== undefined) return before;
    if (coupling.shapeOf(tensor)?.[axis] === undefined) return null;
    const classes = coupling.classes(tensor, axis);
    const kept = Int32Array.from(classes.keys()).filter(index => !removed.has(classes[index] as number));
    if (kept.length === 0 && classes.length > 0)
      throw new RangeError(`no channel of tensor "${tensor}" is left along axis ${axis}`);
    const result = kept.length === classes.length ? null : kept;
    axes[axis] = result;
    return result;
  };
}

function shrinkTensor(tensor: OnnxTensor, keptAlong: KeptAlong): OnnxTensor {
  const kept = tensor.dims.map((_, axis) => keptAlong(tensor.name, axis));
  if (kept.every(indices => indices === null)) return tensor;
  const elementType = elementTypeOfTensor(tensor);
  let bytes = bytesOfTensor(tensor);
  let shape = [...tensor.dims];
  kept.forEach((indices, axis) => {
    if (indices === null) return;
    bytes = takeAlong(bytes, shape, axis, indices, sizeInBytes(elementType, [1]) ?? 1);
    shape = shape.with(axis, indices.length);
  });
  return tensorFromValue(tensor.name, {elementType, shape, bytes});
}

/** The slices at `indices` of one axis of a dense row-major array. */
function takeAlong(
  bytes: Uint8Array,
  shape: readonly number[],
  axis: number,
  indices: Int32Array,
  elementBytes: number,
): Uint8Array {
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  const outer = product(shape.slice(0, axis));
  const sliceBytes = product(shape.slice(axis + 1)) * elementBytes;
  const size = shape[axis] ?? 0;
  const result = new Uint8Array(outer * indices.length * sliceBytes);
  let at = 0;
  for (let each = 0; each < outer; each += 1) {
    for (const index of indices) {
      const from = (each * size + index) * sliceBytes;
      result.set(bytes.subarray(from, from + sliceBytes), at);
      at += sliceBytes;
    }
  }
  return result;
}

function shrinkValueInfo(info: OnnxValueInfo, keptAlong: KeptAlong): OnnxValueInfo {
  const tensor = info.type?.tensor;
  const shape = tensor?.shape;
  if (info.type === undefined || tensor === undefined || shape === undefined) return info;
  const sizes = shape.dims.map((dim, axis) => keptAlong(info.name, axis)?.length ?? dim.size);
  if (sizes.every((size, axis) => size === shape.dims[axis]?.size)) return info;
  const dims = shape.dims.map((dim, axis) => {
    const size = sizes[axis];
    return size === undefined ? dim : {...dim, size};
  });
  return {...info, type: {...info.type, tensor: {...tensor, shape: {...shape, dims}}}};
}

function shrunkTypes(graph: Graph, keptAlong: KeptAlong): Map<string, MeasuredType> {
  const types = new Map<string, MeasuredType>();
  for (const {name, elementType, shape} of graph.tensors.values()) {
    if (elementType === undefined || shape === undefined) continue;
    types.set(name, {elementType, shape: shape.map((size, axis) => keptAlong(name, axis)?.length ?? size)});
  }
  return types;
}
