import {heightOf, isListedWithin, listPlacements, MOST_PLACEMENTS} from './listPlacements.ts';
import type {GoalAnswer, Limit} from './goalSearch.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

/**
 * The best within limits by trying every placement: what is as small as possible is the highest of some measures, each with what
 * it takes in any case; of equals the first by `second`, then the lowest. `null`: there are too many placements to try.
 */
export function leastListed(
  space: Space,
  stages: readonly {readonly measure: Measure; readonly baseNs: number}[],
  second: Measure,
  limits: readonly Limit[],
): GoalAnswer | null {
  const measures = [...stages.map(({measure}) => measure), second, ...limits.map(({measure}) => measure)];
  const list = listPlacements(space, measures, MOST_PLACEMENTS);
  if (list === null) return null;
  let best: {placement: SpacePlacement; amount: number; second: number} | null = null;
  for (let index = 0; index < list.count; index++) {
    const amount = Math.max(...stages.map(({baseNs}, stage) => baseNs + list.amountAt(index, stage)));
    const secondAmount = list.amountAt(index, stages.length);
    if (best !== null && (amount > best.amount || (amount === best.amount && secondAmount > best.second)))
      continue;
    if (!isListedWithin(list, index, limits, stages.length + 1)) continue;
    const placement = list.placementAt(index);
    const isEqual = best !== null && amount === best.amount && secondAmount === best.second;
    if (isEqual && best !== null && heightOf(placement) >= heightOf(best.placement)) continue;
    best = {placement, amount, second: secondAmount};
  }
  return {
    best: best === null ? null : {...best.placement, amount: best.amount},
    bound: best?.amount ?? Infinity,
    isExhausted: true,
    cuts: 0,
  };
}
