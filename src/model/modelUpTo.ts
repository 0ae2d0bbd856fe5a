import type {Graph, Layer} from './graph.ts';
import {modelOfLayers, readsOf} from './modelOfLayers.ts';
import type {OnnxModel} from './onnx/messages.ts';

/** What makes the given tensors out of the model's inputs, as a model of its own, and the inputs that it needs. */
export function modelUpTo(
  graph: Graph,
  outputs: readonly string[],
): {readonly model: OnnxModel; readonly inputs: readonly string[]} {
  const layers = layersBetween(graph, [], outputs);
  const reads = readsOf(layers);
  const inputs = graph.inputs.filter(name => reads.has(name));
  return {model: modelOfLayers(graph, layers, inputs, outputs), inputs};
}

/**
 * What makes `outputs` out of `inputs`, any tensors of the model, as a model of its own that takes all of them.
 * @throws RangeError when it needs one of the model's inputs that is not among them
 */
export function modelBetween(graph: Graph, inputs: readonly string[], outputs: readonly string[]): OnnxModel {
  const layers = layersBetween(graph, inputs, outputs);
  const reads = readsOf(layers);
  const lacking = graph.inputs.find(name => reads.has(name) && !inputs.includes(name));
  if (lacking !== undefined) throw new RangeError(`${outputs.join(', ')} cannot be made without ${lacking}`);
  return modelOfLayers(graph, layers, inputs, outputs);
}

/** Backwards from the outputs, as far as what is given. */
function layersBetween(graph: Graph, inputs: readonly string[], outputs: readonly string[]): Layer[] {
  const given = new Set(inputs);
  const needed = new Set<number>();
  const producerOf = (name: string): number | null =>
    given.has(name) ? null : (graph.tensors.get(name)?.producer ?? null);
  const waiting = outputs.map(producerOf);
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const layer = at === null ? undefined : graph.layers[at];
    if (layer === undefined || needed.has(layer.index)) continue;
    needed.add(layer.index);
    for (const name of [...layer.inputs, ...layer.outerInputs]) waiting.push(producerOf(name));
  }
  return graph.layers.filter(({index}) => needed.has(index));
}
