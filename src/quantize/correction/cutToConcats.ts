import type {Graph} from '../../model/graph.ts';
import type {QuantizationPlan, TensorRange} from '../quantizationPlan.ts';
import {rangeGroups, withGroupRanges} from './rangeErrors.ts';

/**
 * The ranges with those cut that only a Concat reads to what its result holds: what lies beyond is lost there anyway. Inputs
 * of the same scale as the result are copied as they are, too.
 */
export function cutToConcats(
  graph: Graph,
  plan: QuantizationPlan,
  ranges: ReadonlyMap<string, TensorRange>,
): Map<string, TensorRange> {
  const integer = new Set(plan.quantizedLayers);
  const groups = rangeGroups(plan, ranges);
  const chosen = new Map(groups.map(({group, range}) => [group, range]));
  const sizes = new Map(groups.map(({group, tensors}) => [group, tensors.length]));
  const groupOf = (name: string): number => plan.activations.get(name)?.group ?? -1;
  for (const {name, operator, inputs, outputs} of graph.layers.toReversed()) {
    const whole = chosen.get(groupOf(outputs[0] ?? ''));
    if (operator !== 'Concat' || !integer.has(name) || whole === undefined) continue;
    for (const input of inputs) {
      const group = groupOf(input);
      const own = chosen.get(group);
      const tensor = graph.tensors.get(input);
      const isAlone = sizes.get(group) === 1 && tensor?.consumers.length === 1 && !tensor.isOutput;
      if (own === undefined || !isAlone) continue;
      chosen.set(group, {min: Math.max(own.min, whole.min), max: Math.min(own.max, whole.max)});
    }
  }
  return withGroupRanges(plan, ranges, chosen);
}
