import type {Graph, GraphTensor, Layer} from './graph.ts';
import {onnxCodeFromElementType} from '../documents/elementTypes.ts';
import type {OnnxGraph, OnnxModel, OnnxValueInfo} from './onnx/messages.ts';
import {createUntypedValueInfo} from './onnx/createMessages.ts';
import {pruneOpsetImports} from './pruneOpsetImports.ts';

/** The given layers as a model of their own, with the weights and the types that they need. */
export function modelOfLayers(
  graph: Graph,
  layers: readonly Layer[],
  inputs: readonly string[],
  outputs: readonly string[],
): OnnxModel {
  const {model} = graph;
  const whole = model.graph;
  const needed = new Set([...readsOf(layers), ...outputs]);
  const made = new Set(layers.flatMap(layer => layer.outputs));
  const valueInfos = new Map(
    [...whole.valueInfos, ...whole.outputs, ...whole.inputs].map(info => [info.name, info] as const),
  );
  const infoOf = (name: string): OnnxValueInfo =>
    typedValueInfo(tensorOf(graph, name), valueInfos.get(name) ?? createUntypedValueInfo(name));
  const body: OnnxGraph = {
    ...whole,
    nodes: layers.map(layer => layer.node),
    initializers: whole.initializers.filter(({name}) => needed.has(name)),
    sparseInitializers: whole.sparseInitializers.filter(({values}) => needed.has(values.name)),
    inputs: inputs.map(infoOf),
    outputs: outputs.map(infoOf),
    valueInfos: whole.valueInfos.filter(({name}) => made.has(name) && !outputs.includes(name)),
  };
  return pruneOpsetImports({...model, graph: body});
}

/** The declared info, with the known type and shape put in where it says less. */
function typedValueInfo(tensor: GraphTensor, info: OnnxValueInfo): OnnxValueInfo {
  const {elementType, shape} = tensor;
  const declared = info.type?.tensor?.shape?.dims;
  const isComplete = declared !== undefined && declared.every(dim => dim.size !== undefined);
  if (!tensor.isTensor || elementType === undefined || isComplete) return info;
  const dims = shape?.map(size => ({size, denotation: '', unknown: []}));
  const typed = dims === undefined ? info.type?.tensor?.shape : {dims, unknown: []};
  return {
    ...info,
    type: {
      denotation: info.type?.denotation ?? '',
      unknown: [],
      tensor: {
        elementTypeCode: onnxCodeFromElementType(elementType),
        unknown: [],
        ...(typed && {shape: typed}),
      },
    },
  };
}

/** What the layers take, from inside their bodies too; what they make for one another included. */
export function readsOf(layers: readonly Layer[]): Set<string> {
  return new Set(layers.flatMap(layer => [...layer.inputs, ...layer.outerInputs]));
}

export function tensorOf(graph: Graph, name: string): GraphTensor {
  const tensor = graph.tensors.get(name);
  if (tensor === undefined) throw new RangeError(`no tensor "${name}"`);
  return tensor;
}
