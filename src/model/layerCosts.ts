import {sizeInBytes} from '../documents/elementTypes.ts';
import type {Graph, GraphTensor} from './graph.ts';
import {multiplyAddsOf} from './multiplyAdds.ts';

export interface LayerCost {
  /** `null` when a shape it depends on is unknown. */
  readonly multiplyAdds: number | null;
  /** Each weight counts for the first layer that reads it. */
  readonly weightBytes: number;
  /** Some weight it reads is read by another layer too. */
  readonly sharesWeights: boolean;
  /** All outputs; `null` when the type or shape of one is unknown. */
  readonly activationBytes: number | null;
}

export interface GraphCosts {
  /** One per layer, in the graph's order. */
  readonly layers: readonly LayerCost[];
  /** Sums over what is known. */
  readonly totals: {
    readonly multiplyAdds: number;
    readonly weightBytes: number;
    readonly activationBytes: number;
    readonly layersWithoutCost: number;
  };
}

/** What each layer costs, from types and shapes alone (merge measured ones in first). */
export function layerCosts(graph: Graph): GraphCosts {
  const layers = graph.layers.map((layer): LayerCost => {
    const weights = [...new Set([...layer.inputs, ...layer.outerInputs])]
      .map(name => graph.tensors.get(name))
      .filter(tensor => tensor?.isWeight === true);
    const own = weights.filter(weight => weight?.consumers[0] === layer.index);
    const activations = layer.outputs.map(name => bytesOfGraphTensor(graph.tensors.get(name)));
    return {
      multiplyAdds: multiplyAddsOf(graph, layer),
      weightBytes: own.reduce((sum, weight) => sum + (bytesOfGraphTensor(weight) ?? 0), 0),
      sharesWeights: weights.some(weight => (weight?.consumers.length ?? 0) > 1),
      activationBytes: activations.reduce(
        (sum, bytes) => (sum === null || bytes === null ? null : sum + bytes),
        0 as number | null,
      ),
    };
  });
  const sumOf = (key: 'multiplyAdds' | 'weightBytes' | 'activationBytes'): number =>
    layers.reduce((sum, layer) => sum + (layer[key] ?? 0), 0);
  return {
    layers,
    totals: {
      multiplyAdds: sumOf('multiplyAdds'),
      weightBytes: sumOf('weightBytes'),
      activationBytes: sumOf('activationBytes'),
      layersWithoutCost: layers.filter(layer => layer.multiplyAdds === null || layer.activationBytes === null)
        .length,
    },
  };
}

/** Dense size; `null` when type or shape is unknown, or for strings. */
export function bytesOfGraphTensor(tensor: GraphTensor | undefined): number | null {
  if (tensor?.elementType === undefined || tensor.shape === undefined) return null;
  return sizeInBytes(tensor.elementType, tensor.shape);
}
