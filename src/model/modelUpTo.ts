import type {Graph} from './graph.ts';
import {modelOfLayers, readsOf} from './modelOfLayers.ts';
import type {OnnxModel} from './onnx/messages.ts';

/** What makes the given tensors out of the model's inputs, as a model of its own, and the inputs that it needs. */
export function modelUpTo(
  graph: Graph,
  outputs: readonly string[],
): {readonly model: OnnxModel; readonly inputs: readonly string[]} {
  const needed = new Set<number>();
  const waiting = outputs.map(name => graph.tensors.get(name)?.producer ?? null);
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const layer = at === null ? undefined : graph.layers[at];
    if (layer === undefined || needed.has(layer.index)) continue;
    needed.add(layer.index);
    for (const name of [...layer.inputs, ...layer.outerInputs])
      waiting.push(graph.tensors.get(name)?.producer ?? null);
  }
  const layers = graph.layers.filter(({index}) => needed.has(index));
  const reads = readsOf(layers);
  const inputs = graph.inputs.filter(name => reads.has(name));
  return {model: modelOfLayers(graph, layers, inputs, outputs), inputs};
}
