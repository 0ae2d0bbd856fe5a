import {withMeasuredTypes, type MeasuredType} from '../../model/exposeAllTensors.ts';
import type {Graph, Layer} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';
import {dropUnused} from '../../model/dropUnused.ts';
import type {ChannelLayer} from './channelLayers.ts';
import type {ConstantValues} from './constantValues.ts';

/** New values of a weighted layer: the weight in its tensor's layout, one bias per output channel. */
export interface LayerValues {
  readonly weights?: Float32Array;
  readonly bias?: Float32Array;
}

/** The bias per output channel, zeros where there is none; `null` when it differs along other axes. */
export function biasOf(graph: Graph, constants: ConstantValues, layer: ChannelLayer): Float32Array | null {
  const size = graph.tensors.get(layer.output)?.shape?.[layer.outputAxis] ?? 0;
  if (layer.bias === null) return new Float32Array(size);
  const values = constants.floats(layer.bias);
  if (values?.length === 1) return new Float32Array(size).fill(values[0] ?? 0);
  return values?.length === size ? values : null;
}

/**
 * The graph with these layers' values replaced. Constants that other layers read, too, are left to them; a layer without
 * a bias gets one, a MatMul an Add behind it.
 */
export function withLayerValues(
  graph: Graph,
  layers: readonly ChannelLayer[],
  values: ReadonlyMap<string, LayerValues>,
): Graph {
  const added: OnnxTensor[] = [];
  const replaced = new Map<string, OnnxTensor>();
  const types = typesOf(graph);
  const taken = new Set(graph.tensors.keys());
  const named = new Map(layers.map(layer => [layer.layer, layer]));
  const unusedName = (hint: string): string => {
    let name = hint;
    for (let count = 1; taken.has(name); count += 1) name = `${hint}_${count}`;
    taken.add(name);
    return name;
  };
  /** The name under which the layer finds these values from now on. */
  const place = (
    old: string | null,
    hint: string,
    shape: readonly number[],
    floats: Float32Array,
  ): string => {
    const tensor = old === null ? undefined : graph.tensors.get(old);
    const isOwn = tensor !== undefined && tensor.consumers.length === 1 && !tensor.isOutput;
    const name = isOwn ? tensor.name : unusedName(hint);
    const bytes = new Uint8Array(new Float32Array(floats).buffer);
    const value = tensorFromValue(name, {elementType: 'float32', shape, bytes});
    if (isOwn) replaced.set(name, value);
    else added.push(value);
    return name;
  };
  const change = (layer: Layer): OnnxNode[] => {
    const {node} = layer;
    const own = named.get(layer.name);
    const value = values.get(layer.name);
    if (own === undefined || value === undefined) return [node];
    const [input = '', oldWeight = ''] = node.inputs;
    const shape = graph.tensors.get(own.weight)?.shape ?? [];
    const weight =
      value.weights === undefined
        ? oldWeight
        : place(own.weight, `${own.layer}/weight`, shape, value.weights);
    if (value.bias === undefined) return [{...node, inputs: [input, weight, ...node.inputs.slice(2)]}];
    const bias = place(own.bias, `${own.layer}/bias`, [value.bias.length], value.bias);
    if (own.operator !== 'MatMul') return [{...node, inputs: [input, weight, bias]}];
    const product = unusedName(`${own.output}/product`);
    const type = types.get(own.output);
    if (type !== undefined) types.set(product, type);
    return [
      {...node, inputs: [input, weight], outputs: [product]},
      createNode('Add', [product, bias], [own.output], {name: unusedName(`${own.layer}/add`)}),
    ];
  };
  const {model} = graph;
  const nodes = graph.layers.flatMap(change);
  const initializers = model.graph.initializers.map(tensor => replaced.get(tensor.name) ?? tensor);
  const changed = {...model, graph: {...model.graph, nodes, initializers: [...initializers, ...added]}};
  return withMeasuredTypes(graphFromModel(dropUnused(changed)), types);
}

function typesOf(graph: Graph): Map<string, MeasuredType> {
  return new Map(
    [...graph.tensors.values()].flatMap(({name, elementType, shape}) =>
      elementType === undefined || shape === undefined ? [] : [[name, {elementType, shape}] as const],
    ),
  );
}
