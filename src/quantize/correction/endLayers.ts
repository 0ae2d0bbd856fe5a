import type {Graph} from '../../model/graph.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import type {QuantizationPlan} from '../quantizationPlan.ts';

/**
 * Share of the model's multiply-adds that an end may have: a float layer takes 2 to 4 times as long as one of integers
 * (2026-11, AMD EPYC with VNNI), so this much costs a few percent at most.
 */
const LARGEST_SHARE = 0.03;

/**
 * Elements of a sum that is left in float, as a share of the model's multiply-adds: in resnet20, at 1/2,500, it takes 4 % of
 * the time (same processor).
 */
const LARGEST_SUM_SHARE = 1 / 5000;

export interface EndLayers {
  /** Weighted layers that read the model's inputs, and the sums in which skip connections from them end. */
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
  return {
    first: isCheap(first) ? [...first, ...sumsBehind(graph, plan, first, totals.multiplyAdds)] : [],
    last: isCheap(last) ? last : [],
  };
}

/** A skip connection that begins at the first layers carries what is rounded there past all blocks to the end. */
function sumsBehind(
  graph: Graph,
  plan: QuantizationPlan,
  layers: readonly string[],
  multiplyAdds: number,
): string[] {
  const integer = new Set(plan.quantizedLayers);
  const results = new Set(graph.layers.flatMap(({name, outputs}) => (layers.includes(name) ? outputs : [])));
  const sums: string[] = [];
  for (const {name, operator, inputs, outputs} of graph.layers) {
    if (!inputs.some(input => results.has(input))) continue;
    if (plan.absorbed.has(name)) for (const output of outputs) results.add(output);
    else if (operator === 'Add' && integer.has(name)) sums.push(name);
  }
  const elements = graph.layers
    .filter(({name}) => sums.includes(name))
    .map(({outputs: [output = '']}) => graph.tensors.get(output)?.shape ?? [Infinity])
    .reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
  return elements <= LARGEST_SUM_SHARE * multiplyAdds ? sums : [];
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
