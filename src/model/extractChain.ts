import type {Graph} from './graph.ts';
import {modelOfLayers, readsOf, tensorOf} from './modelOfLayers.ts';
import type {OnnxModel} from './onnx/messages.ts';

export interface ChainLink {
  readonly model: OnnxModel;
  /** What the model's caller or earlier links give it; no weights. */
  readonly inputs: readonly string[];
  /** What later links or the model's caller need of it. */
  readonly outputs: readonly string[];
}

/**
 * The layers as a chain of models: each link run on the model's inputs and on what links before it gave is the whole. An
 * output that is a weight comes from the first link; one that is a model input from none: it is echoed.
 * @param segments the layers of each link, by index; together all layers, each once
 * @throws RangeError when a link needs what a later one makes, or a layer is missing or there twice
 */
export function extractChain(graph: Graph, segments: readonly (readonly number[])[]): readonly ChainLink[] {
  const placeOf = placesOf(graph, segments);
  const outputs = [...new Set(graph.outputs)];
  const weightOutputs = outputs.filter(name => tensorOf(graph, name).isWeight);
  return segments.map((indices, place) => {
    const layers = [...indices].sort((a, b) => a - b).map(index => graph.layers[index]!);
    const reads = readsOf(layers);
    const inputs = [...graph.tensors.values()]
      .filter(({name, isInput, producer}) => {
        if (!reads.has(name) || (producer === null && !isInput)) return false;
        const from = producer === null ? -1 : placeOf[producer]!;
        if (from > place) throw new RangeError(`link ${place} needs "${name}", which link ${from} makes`);
        return from !== place;
      })
      .map(({name}) => name);
    const made = layers.flatMap(layer => layer.outputs).map(name => tensorOf(graph, name));
    const passedOn = made.filter(({consumers}) => consumers.some(index => placeOf[index] !== place));
    const answered = made.filter(tensor => tensor.isOutput && !passedOn.includes(tensor));
    const given = [...passedOn, ...answered].map(({name}) => name);
    const all = place === 0 ? [...given, ...weightOutputs] : given;
    return {model: modelOfLayers(graph, layers, inputs, all), inputs, outputs: all};
  });
}

function placesOf({layers}: Graph, segments: readonly (readonly number[])[]): readonly number[] {
  const placeOf = new Array<number>(layers.length).fill(-1);
  segments.forEach((indices, place) => {
    for (const index of indices) {
      if (placeOf[index] !== -1) throw new RangeError(`layer ${index} is missing, or in two links`);
      placeOf[index] = place;
    }
  });
  const missing = placeOf.indexOf(-1);
  if (missing !== -1) throw new RangeError(`layer ${missing} is in no link`);
  return placeOf;
}
