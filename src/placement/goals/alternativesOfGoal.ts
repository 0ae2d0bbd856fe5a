import type {Plan, PlanTotals} from '../../documents/plan.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {cheapestPlacement, contractionOf} from './cheapestPlacement.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {amountOfGoal} from './solveGoal.ts';
import type {Solved} from './solveGoal.ts';
import {amountOf} from './space.ts';
import type {Measure, SpacePlacement} from './space.ts';

/** The chosen one, everything on one tier, and what would be best were nothing restricted. */
export function alternativesOf(
  goal: MeasuredGoal,
  measurements: PlacementMeasurements,
  best: Solved,
  free: Solved | null,
  measure: Measure,
  totals: (placement: SpacePlacement) => PlanTotals,
  nameOf: (placement: SpacePlacement) => string,
): Plan['alternatives'] {
  const {space, tiers} = goal;
  const contraction = contractionOf(space);
  const everywhere = tiers.flatMap((_, at): SpacePlacement[] => {
    const masks = Int32Array.from(space.layers, () => 1 << at);
    const found = cheapestPlacement(space, contraction, measure, masks, 64);
    return found === null ? [] : [found];
  });
  const seen = new Set<string>();
  const placements = [best, ...everywhere, ...(free === null ? [] : [free])].filter(({tiers: key}) => {
    const isNew = !seen.has(key.join());
    seen.add(key.join());
    return isNew;
  });
  const amountOfOne = (placement: SpacePlacement): number =>
    amountOfGoal(goal, measurements.objective ?? 'latency', placement);
  const bestAmount = amountOfOne(best);
  return placements
    .map((placement, order) => ({placement, order, amount: amountOfOne(placement)}))
    .sort((a, b) => Number(a.order !== 0) - Number(b.order !== 0) || a.amount - b.amount)
    .map(({placement, order, amount}) => {
      const name = nameOf(placement);
      if (order === 0)
        return {
          name,
          predicted: totals(placement),
          verdict: 'chosen' as const,
          reason: 'the best for the objective of all placements within the limits',
        };
      const broken = brokenRule(goal, placement);
      if (broken !== null)
        return {name, predicted: totals(placement), verdict: 'not-allowed' as const, reason: broken};
      const share = bestAmount === 0 ? 0 : (100 * (amount - bestAmount)) / bestAmount;
      return {
        name,
        predicted: totals(placement),
        verdict: 'slower' as const,
        reason:
          amount === bestAmount
            ? 'as good, with more further up'
            : `worse by ${Number(share.toPrecision(3))} %`,
      };
    });
}

function brokenRule({space, restrictions, limits}: MeasuredGoal, placement: SpacePlacement): string | null {
  const {tiers} = placement;
  for (const {name, layers, tierMask} of restrictions)
    if (layers.some(layer => (tierMask & (1 << (tiers[layer] as number))) === 0)) return name;
  for (const {name, measure, most, extraOf} of limits) {
    if (amountOf(space, measure, placement) + (extraOf?.(placement) ?? 0) > most) return `over ${name}`;
  }
  return null;
}
