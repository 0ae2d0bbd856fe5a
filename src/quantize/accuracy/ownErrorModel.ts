import type {Graph, Layer} from '../../model/graph.ts';
import type {OnnxModel, OnnxNode} from '../../model/onnx/messages.ts';

/** A tensor of the float model, and the tensor that holds what the quantised layers make of it. */
export interface ComparedTensor {
  readonly tensor: string;
  readonly standIn: string;
}

export interface OwnErrorModel {
  readonly model: OnnxModel;
  readonly compared: readonly ComparedTensor[];
}

/** Before the names of what the quantised layers make. */
const OWN = 'own/';
/** Before the names of the float model's tensors after rounding. */
const GIVEN = 'given/';

/**
 * One model that tells every quantised layer's own error in a single pass: the float model, and beside it each layer of
 * the quantised one, fed with the float model's tensors (rounded as it rounds them) instead of its predecessors' results.
 * A tensor is compared after its own rounding, so that a Relu absorbed by that counts as done.
 * The two models must agree on the names of activation tensors, as a model and its quantizeGraph do.
 */
export function ownErrorModel(float: Graph, quantized: Graph): OwnErrorModel {
  const roundings = roundingsOf(float, quantized);
  const restoredNames = new Set(roundings.map(({restored}) => restored));
  const roundingLayers = new Map(
    roundings.flatMap(rounding => [
      [rounding.quantize, rounding],
      [rounding.dequantize, rounding],
    ]),
  );
  const isShared = (name: string): boolean =>
    float.tensors.get(name)?.isWeight === false && quantized.tensors.get(name)?.isWeight !== true;
  const isMade = (name: string): boolean => typeof quantized.tensors.get(name)?.producer === 'number';

  const nodes: OnnxNode[] = [...float.model.graph.nodes];
  for (const {tensor, source, quantize, dequantize} of roundings) {
    const place = (name: string): string => {
      if (name === source) return tensor;
      return quantize.outputs.includes(name) ? GIVEN + name : OWN + name;
    };
    nodes.push(renamed(quantize, place, GIVEN), renamed(dequantize, place, GIVEN));
  }
  for (const layer of quantized.layers) {
    const rounding = roundingLayers.get(layer);
    if (rounding !== undefined && !isMade(rounding.source)) continue;
    nodes.push(
      renamed(
        layer,
        name => {
          if (rounding !== undefined) return OWN + name;
          if (restoredNames.has(name)) return GIVEN + name;
          return isShared(name) ? name : OWN + name;
        },
        OWN,
      ),
    );
  }
  const rounded = new Set(roundings.flatMap(({source, restored}) => [source, restored]));
  const unrounded = quantized.layers
    .flatMap(layer => layer.outputs)
    .filter(name => isShared(name) && !rounded.has(name));
  const {graph} = quantized.model;
  return {
    model: {
      ...quantized.model,
      graph: {
        ...graph,
        nodes,
        initializers: [
          ...float.model.graph.initializers,
          ...graph.initializers.map(tensor => ({...tensor, name: OWN + tensor.name})),
        ],
        valueInfos: [],
      },
    },
    compared: [
      ...roundings
        .filter(({source}) => isMade(source))
        .map(({tensor, restored}) => ({tensor, standIn: OWN + restored})),
      ...unrounded.map(tensor => ({tensor, standIn: OWN + tensor})),
    ],
  };
}

interface Rounding {
  /** Of the float model. */
  readonly tensor: string;
  /** The same before rounding, as the quantised model calls it. */
  readonly source: string;
  readonly quantize: Layer;
  readonly dequantize: Layer;
  /** What consumers read instead of the tensor. */
  readonly restored: string;
}

/**
 * Where the quantised model rounds an activation tensor of the float one: QuantizeLinear, then DequantizeLinear. The
 * tensor's name is behind the pair where integer kernels make it, before the pair elsewhere.
 */
function roundingsOf(float: Graph, quantized: Graph): Rounding[] {
  const isActivation = (name: string): boolean => float.tensors.get(name)?.isWeight === false;
  const found = new Map<string, Rounding>();
  for (const quantize of quantized.layers) {
    if (quantize.operator !== 'QuantizeLinear') continue;
    const [source = ''] = quantize.inputs;
    const consumers = quantized.tensors.get(quantize.outputs[0] ?? '')?.consumers ?? [];
    const dequantize = consumers
      .map(index => quantized.layers[index])
      .find(layer => layer?.operator === 'DequantizeLinear');
    const [restored] = dequantize?.outputs ?? [];
    if (dequantize === undefined || restored === undefined) continue;
    const tensor = [restored, source].find(isActivation);
    if (tensor === undefined || found.has(tensor)) continue;
    found.set(tensor, {tensor, source, quantize, dequantize, restored});
  }
  return [...found.values()];
}

function renamed(layer: Layer, nameOfInput: (name: string) => string, prefix: string): OnnxNode {
  const {node} = layer;
  const keepMissing = (name: string, rename: (name: string) => string): string =>
    name === '' ? '' : rename(name);
  return {
    ...node,
    name: node.name === '' ? '' : prefix + node.name,
    inputs: node.inputs.map(name => keepMissing(name, nameOfInput)),
    outputs: node.outputs.map(name => keepMissing(name, other => prefix + other)),
  };
}
