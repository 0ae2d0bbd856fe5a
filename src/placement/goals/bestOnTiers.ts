import type {Tier} from '../../documents/plan.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {goalFromMeasurements} from './goalFromMeasurements.ts';
import {solveGoal, type Solved} from './solveGoal.ts';

/**
 * The best placement on every choice of the tiers, within restrictions and limits, the best of all first: `count` of them and
 * everything on one tier wherever that is allowed.
 * @throws ExpectedError as planGoal
 */
export function bestOnTiers(
  measurements: PlacementMeasurements,
  count: number,
): readonly (readonly Tier[])[] {
  const goal = goalFromMeasurements(measurements);
  const {tiers, restrictions, limits, space} = goal;
  const layers = space.layers.map((_, index) => index);
  const solvedOn = (tierMask: number): Solved | null =>
    solveGoal(
      goal,
      measurements.objective,
      [...restrictions, {name: 'only some tiers', reason: 'pinned-by-user', layers, tierMask}],
      limits,
    );
  const found = new Map<string, Solved & {readonly isOnOne: boolean}>();
  for (let tierMask = 2 ** tiers.length - 1; tierMask > 0; tierMask--) {
    const solved = solvedOn(tierMask);
    const key = solved?.tiers.join() ?? '';
    const isOnOne = solved !== null && new Set(solved.tiers).size === 1;
    if (solved !== null && !found.has(key)) found.set(key, {...solved, isOnOne});
  }
  return [...found.values()]
    .sort((a, b) => a.amount - b.amount)
    .filter(({isOnOne}, order) => order < count || isOnOne)
    .map(solved => solved.tiers.map(tier => tiers[tier] ?? 'device'));
}
