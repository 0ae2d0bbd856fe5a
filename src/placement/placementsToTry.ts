import type {Tier} from '../documents/plan.ts';
import {chainCuts} from './chainCuts.ts';
import {choosePlacement} from './choosePlacement.ts';
import {costOfPlacement, type ProblemTier} from './costOfPlacement.ts';
import type {PlacementMeasurements} from './measurements.ts';
import {isPlain} from './planDocument.ts';
import {bestOnTiers} from './goals/bestOnTiers.ts';
import {problemFromMeasurements} from './problemFromMeasurements.ts';

/** Cuts that send the same bytes and are this near in what is predicted will not be told apart by measuring. */
const SAME_SHARE = 0.01;

/**
 * Placements that are worth being built and measured, by their predicted latency, the best first: of those at positions of the
 * layers' order the `count` best that differ from one another, and everything on one tier wherever that is allowed.
 * @throws ExpectedError as planDocument
 */
export function placementsToTry(
  measurements: PlacementMeasurements,
  count: number,
): readonly (readonly Tier[])[] {
  if (!isPlain(measurements)) return bestOnTiers(measurements, count);
  const {problem} = problemFromMeasurements(measurements);
  const best = choosePlacement(problem).tiers;
  const everywhere = (tier: ProblemTier): ProblemTier[] => problem.layers.map(() => tier);
  const prefixes = chainCuts(problem)
    .filter(cut => cut.isAllowed)
    .map(({deviceLayers}) =>
      problem.layers.map((_, index): ProblemTier => (index < deviceLayers ? 'device' : 'cloud')),
    );
  const costed = [best, ...prefixes].map(tiers => ({tiers, cost: costOfPlacement(problem, tiers)}));
  const taken: typeof costed = [];
  for (const one of costed.toSorted((a, b) => a.cost.costNs - b.cost.costNs)) {
    if (taken.length >= count) break;
    const isLike = taken.some(
      ({tiers, cost}) =>
        tiers.join() === one.tiers.join() ||
        (cost.upBytes === one.cost.upBytes &&
          cost.downBytes === one.cost.downBytes &&
          one.cost.costNs <= cost.costNs * (1 + SAME_SHARE)),
    );
    if (!isLike) taken.push(one);
  }
  const chosen = new Map(taken.map(({tiers}) => [tiers.join(), tiers]));
  for (const tiers of [everywhere('device'), everywhere('cloud')])
    if (costOfPlacement(problem, tiers).violations.length === 0) chosen.set(tiers.join(), tiers);
  return [...chosen.values()];
}
