import {onnxCodeFromElementType} from '../documents/elementTypes.ts';
import {freshTensorNames} from './freshNames.ts';
import {floatFromHalf} from './halfPrecision.ts';
import type {ByteSource, SourceRange} from './onnx/byteSource.ts';
import {createAttribute, createNode} from './onnx/createMessages.ts';
import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxType,
  OnnxValueInfo,
} from './onnx/messages.ts';
import {mapSame, rewriteTensors} from './onnx/rewriteTensors.ts';
import {rangeOfTensor, withRawData} from './onnx/tensorData.ts';
import {renameTensors} from './renameTensors.ts';

const HALF = onnxCodeFromElementType('float16');
const SINGLE = onnxCodeFromElementType('float32');

/** Attributes of standard operators that name an element type. */
const TYPE_ATTRIBUTES = new Set(['to', 'dtype', 'output_dtype', 'output_datatype', 'stash_type']);

/**
 * The model computing in float32 wherever it computed in float16, bodies and functions included; its inputs and outputs
 * keep their type behind a Cast. Weights are widened as they are read. The same model when it has no float16.
 */
export function widenHalfPrecision(model: OnnxModel): OnnxModel {
  const widened = rewriteTensors(model, widenTensor);
  const graph = widenGraph(widened.graph);
  const functions = mapSame(widened.functions, fn => {
    const nodes = mapSame(fn.nodes, widenNode);
    const valueInfos = mapSame(fn.valueInfos, widenInfo);
    return nodes === fn.nodes && valueInfos === fn.valueInfos ? fn : {...fn, nodes, valueInfos};
  });
  if (graph === model.graph && functions === model.functions) return model;
  return {...widened, functions, graph: keepInterface(model, graph)};
}

/** Casts at inputs and outputs that were float16; inside, these tensors get names of their own. */
function keepInterface(model: OnnxModel, widened: OnnxGraph): OnnxGraph {
  const isHalf = (info: OnnxValueInfo): boolean => info.type?.tensor?.elementTypeCode === HALF;
  const {inputs, outputs} = model.graph;
  const halfInputs = inputs.filter(isHalf).map(({name}) => name);
  const halfOutputs = outputs.filter(isHalf).map(({name}) => name);
  const takeName = freshTensorNames(model);
  const names = new Map(
    [...new Set([...halfInputs, ...halfOutputs])].map(name => [name, takeName(`${name}/float32`)]),
  );
  const renamed = renameTensors(widened, names);
  const innerName = (name: string): string => names.get(name) ?? name;
  return {
    ...renamed,
    inputs,
    outputs,
    nodes: [
      ...halfInputs.map(name => castNode(name, innerName(name), SINGLE)),
      ...renamed.nodes,
      // An input that is handed out as it is needs nothing.
      ...halfOutputs
        .filter(name => !halfInputs.includes(name))
        .map(name => castNode(innerName(name), name, HALF)),
    ],
  };
}

function castNode(input: string, output: string, typeCode: number): OnnxNode {
  const attributes = [createAttribute('to', {int: BigInt(typeCode)})];
  return createNode('Cast', [input], [output], {attributes});
}

function widenGraph(graph: OnnxGraph): OnnxGraph {
  const nodes = mapSame(graph.nodes, widenNode);
  const inputs = mapSame(graph.inputs, widenInfo);
  const outputs = mapSame(graph.outputs, widenInfo);
  const valueInfos = mapSame(graph.valueInfos, widenInfo);
  const sparseInitializers = mapSame(graph.sparseInitializers, tensor => {
    const values = widenTensor(tensor.values);
    return values === tensor.values ? tensor : {...tensor, values};
  });
  const isSame =
    nodes === graph.nodes &&
    inputs === graph.inputs &&
    outputs === graph.outputs &&
    valueInfos === graph.valueInfos &&
    sparseInitializers === graph.sparseInitializers;
  return isSame ? graph : {...graph, nodes, inputs, outputs, valueInfos, sparseInitializers};
}

function widenNode(node: OnnxNode): OnnxNode {
  const attributes = mapSame(node.attributes, attribute => widenAttribute(attribute, node));
  return attributes === node.attributes ? node : {...node, attributes};
}

function widenAttribute(attribute: OnnxAttribute, node: OnnxNode): OnnxAttribute {
  const isStandard = node.domain === '' || node.domain === 'ai.onnx';
  if (isStandard && TYPE_ATTRIBUTES.has(attribute.name) && attribute.int === BigInt(HALF)) {
    return {...attribute, int: BigInt(SINGLE)};
  }
  const graph = attribute.graph && widenGraph(attribute.graph);
  const graphs = mapSame(attribute.graphs, widenGraph);
  if (graph === attribute.graph && graphs === attribute.graphs) return attribute;
  return {...attribute, ...(graph && {graph}), graphs};
}

function widenInfo(info: OnnxValueInfo): OnnxValueInfo {
  const type = info.type && widenType(info.type);
  return type === undefined || type === info.type ? info : {...info, type};
}

function widenType(type: OnnxType): OnnxType {
  if (type.tensor?.elementTypeCode === HALF) {
    return {...type, tensor: {...type.tensor, elementTypeCode: SINGLE}};
  }
  for (const kind of ['sequence', 'optional'] as const) {
    const inner = type[kind]?.elementType;
    const widened = inner && widenType(inner);
    if (widened !== inner) return {...type, [kind]: {...type[kind], elementType: widened}};
  }
  return type;
}

function widenTensor(tensor: OnnxTensor): OnnxTensor {
  if (tensor.elementTypeCode !== HALF) return tensor;
  return withRawData({...tensor, elementTypeCode: SINGLE}, widenRange(rangeOfTensor(tensor)));
}

/** Half-precision bytes seen as single-precision ones, converted where they are read: a large model stays in its file. */
function widenRange(halves: SourceRange): SourceRange {
  const sizeBytes = halves.length * 2;
  const source: ByteSource = {
    sizeBytes,
    read(offset, length) {
      const first = Math.floor(offset / 4);
      const count = Math.ceil((offset + length) / 4) - first;
      const bytes = halves.source.read(halves.offset + first * 2, count * 2);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const values = singlesOfHalves();
      const floats = Float32Array.from({length: count}, (_, at) => values[view.getUint16(at * 2, true)] ?? 0);
      return new Uint8Array(floats.buffer, offset - first * 4, length);
    },
  };
  return {source, offset: 0, length: sizeBytes};
}

let table: Float32Array | null = null;

/** All half-precision numbers by their bits. */
function singlesOfHalves(): Float32Array {
  table ??= Float32Array.from({length: 2 ** 16}, (_, bits) => floatFromHalf(bits));
  return table;
}
