import {hullOf} from './convexHull.ts';
import {heightOf, isListedWithin, listPlacements, MOST_PLACEMENTS} from './listPlacements.ts';
import type {FrontGoal, FrontQuestion, ParetoFront} from './frontQuestion.ts';
import type {SpacePlacement} from './space.ts';
import {stagesOf} from './stages.ts';

interface Listed {
  readonly index: number;
  readonly amounts: readonly [number, number];
}

/**
 * The whole front by trying every placement; of equals the lowest. `undefined`: there are too many placements to try; `null`:
 * nothing is allowed.
 */
export function listedFront({
  space,
  latency,
  requestOverheadNs,
  limits,
  goals,
}: FrontQuestion): ParetoFront | null | undefined {
  const stages = stagesOf(space, latency, requestOverheadNs);
  const partsOf = (goal: FrontGoal) => (goal.kind === 'sum' ? [{measure: goal.measure, baseNs: 0}] : stages);
  const [first, second] = [partsOf(goals[0]), partsOf(goals[1])];
  const measures = [...first, ...second, ...limits].map(({measure}) => measure);
  const list = listPlacements(space, measures, MOST_PLACEMENTS);
  if (list === null) return undefined;
  const placements = new Map<number, SpacePlacement>();
  const placementOf = (index: number): SpacePlacement => {
    const known = placements.get(index) ?? list.placementAt(index);
    placements.set(index, known);
    return known;
  };
  const all = Array.from({length: list.count}, (_, index): Listed => {
    const amountOf = (parts: typeof first, from: number): number =>
      Math.max(...parts.map(({baseNs}, at) => baseNs + list.amountAt(index, from + at)));
    return {index, amounts: [amountOf(first, 0), amountOf(second, first.length)]};
  });
  const front: Listed[] = [];
  for (const one of all.sort(byAmounts)) {
    const last = front.at(-1);
    const isEqual = last !== undefined && byAmounts(one, last) === 0;
    if (last !== undefined && !isEqual && one.amounts[1] >= last.amounts[1]) continue;
    if (!isListedWithin(list, one.index, limits, first.length + second.length)) continue;
    if (!isEqual) front.push(one);
    else if (heightOf(placementOf(one.index)) < heightOf(placementOf(last.index))) front.splice(-1, 1, one);
  }
  if (front.length === 0) return null;
  const hull = hullOf(front);
  return {
    points: front.map(point => ({
      ...placementOf(point.index),
      amounts: point.amounts,
      isSupported: hull.has(point),
      toNext: 'all',
    })),
    isComplete: true,
  };
}

function byAmounts({amounts: one}: Listed, {amounts: other}: Listed): number {
  return one[0] - other[0] || one[1] - other[1];
}
