import type {Graph} from '../../model/graph.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import type {QuantizationPlan} from '../quantizationPlan.ts';

/**
 * Share of the model's multiply-adds that an end may have: a float layer takes 2 to 4 times as long as one of integers
 * (2026-11, AMD EPYC with VNNI), so this much costs a few percent at most.
 */
const LARGEST_SHARE = 0.03;

export interface EndLayers {
  /** Weighted layers that read the model's inputs. */
  readonly first: readonly string[];
  /** Weighted layers after which no other comes. */
  readonly last: readonly string[];
}

/**
 * The quantised layers at the model's ends, as far as they are cheap. What is rounded at the input goes through all
 * layers, and after the last one nothing evens out what was rounded before it.
 */
export function findEndLayers(graph: Graph, plan: QuantizationPlan): EndLayers {
  const {layers, totals} = layerCosts(graph);
  const positions = new Map(graph.layers.map(({name}, at) => [name, at]));
  const isCheap = (names: readonly string[]): boolean => {
    const costs = names.map(name => layers[positions.get(name) ?? -1]?.multiplyAdds ?? Infinity);
    return costs.reduce((sum, cost) => sum + cost, 0) <= LARGEST_SHARE * totals.multiplyAdds;
  };
  const weighted = plan.weighted.map(({layer}) => layer);
  const inputs = new Set(graph.inputs);
  const first = plan.weighted.filter(({input}) => inputs.has(input)).map(({layer}) => layer);
  const last = lastWeightedLayers(graph, weighted);
  return {first: isCheap(first) ? first : [], last: isCheap(last) ? last : []};
}

/** Those of `weighted` on which no other one of them depends. */
export function lastWeightedLayers(graph: Graph, weighted: readonly string[]): string[] {
  const wanted = new Set(weighted);
  const behind = new Set<string>();
  const leadsOn = new Set<string>();
  for (const layer of graph.layers.toReversed()) {
    if (layer.outputs.some(name => leadsOn.has(name)) && wanted.has(layer.name)) behind.add(layer.name);
    if (wanted.has(layer.name) || layer.outputs.some(name => leadsOn.has(name)))
      for (const name of [...layer.inputs, ...layer.outerInputs]) leadsOn.add(name);
  }
  return weighted.filter(layer => !behind.has(layer));
}
