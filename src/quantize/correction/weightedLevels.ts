import type {Graph} from '../../model/graph.ts';
import type {QuantizationPlan, WeightedLayer} from '../quantizationPlan.ts';

/**
 * The weighted layers in groups that can be corrected together: no layer of a group depends on another one of it, and all
 * that a group depends on is in groups before it.
 */
export function weightedLevels(graph: Graph, plan: QuantizationPlan): WeightedLayer[][] {
  const weighted = new Map(plan.weighted.map(layer => [layer.layer, layer]));
  const depths = new Map<string, number>();
  const levels: WeightedLayer[][] = [];
  for (const layer of graph.layers) {
    const before = [...layer.inputs, ...layer.outerInputs].map(name => depths.get(name) ?? 0);
    let depth = Math.max(0, ...before);
    const own = weighted.get(layer.name);
    if (own !== undefined) {
      (levels[depth] ??= []).push(own);
      depth += 1;
    }
    for (const name of layer.outputs) depths.set(name, depth);
  }
  return levels;
}
