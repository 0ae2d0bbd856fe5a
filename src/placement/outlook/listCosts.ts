import {listPlacements, MOST_PLACEMENTS} from '../goals/listPlacements.ts';
import type {MeasuredGoal} from '../goals/measuredGoal.ts';
import {restrictSpace} from '../goals/restrictions.ts';
import type {SpacePlacement} from '../goals/space.ts';
import {extrasOf} from './placementCosts.ts';
import type {CostForm} from './placementCosts.ts';
import type {LimitedCost} from './risingEnvelope.ts';

export interface ListedCost extends LimitedCost {
  /** Worked out only of what is the best somewhere. */
  readonly placementOf: () => SpacePlacement;
}

/**
 * What every placement costs over an axis, by its index among the forms, where there are few enough of them: of a network
 * without wide branches there are some hundreds over two tiers. `null`: there are too many.
 */
export function listCosts(
  goal: MeasuredGoal,
  forms: readonly CostForm[],
): ((axis: number) => readonly ListedCost[]) | null {
  const space = restrictSpace(goal.space, goal.restrictions);
  const measures = forms.flatMap(form => form.measures);
  const list = listPlacements(space, measures, MOST_PLACEMENTS);
  if (list === null) return null;
  const hasExtras = goal.limits.some(({extraOf}) => extraOf !== undefined);
  const indices = Array.from({length: list.count}, (_, index) => index);
  const extras = indices.map(index => (hasExtras ? extrasOf(goal, list.placementAt(index)) : []));
  return axis => {
    const form = forms[axis];
    if (form === undefined) throw new RangeError(`no axis ${axis}`);
    const first = forms.slice(0, axis).reduce((sum, {measures: {length}}) => sum + length, 0);
    return indices.map(index => ({
      ...form.costFrom(at => list.amountAt(index, first + at), extras[index] ?? []),
      placementOf: () => list.placementAt(index),
    }));
  };
}
