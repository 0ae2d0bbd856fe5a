import type {Plan} from '../../documents/plan.ts';
import {amountOfPlan} from '../../placement/goalOfPlan.ts';
import {placementKey} from '../../placement/placementKey.ts';
import {placementsToTry} from '../../placement/placementsToTry.ts';
import {planDocument, type PlanRequest} from '../../placement/planDocument.ts';
import type {BoundaryCandidate} from './boundaryCandidates.ts';

/** A plan whose accuracy was not looked at yet, with the way in which what crosses travels. */
export interface DraftPlan {
  readonly candidate: BoundaryCandidate;
  readonly plan: Plan;
}

const AS_IT_IS = {
  boundary: 'as-is',
  input: 'as-is',
  packed: null,
  precisions: new Map<string, never>(),
} as const;

/**
 * Besides the chosen plan: other placements where what crosses travels as in it, and the best placement of each other way that
 * stands. As predicted, the best first.
 */
export function draftPlans(
  chosen: DraftPlan,
  standing: readonly (readonly [BoundaryCandidate, Plan])[],
  requestWith: (candidate: BoundaryCandidate) => PlanRequest,
  count: number,
): DraftPlan[] {
  const {candidate: way} = chosen;
  const request = requestWith(way);
  const places = (plan: Plan): string => plan.layers.map(({tier}) => tier).join();
  const placed = placementsToTry(request.measurements, count)
    .filter(tiers => tiers.join() !== places(chosen.plan))
    .map((tiers): DraftPlan => {
      // Where nothing crosses, or nothing runs on a tier, it is no question how.
      const candidate: BoundaryCandidate = {
        ...way,
        builds: new Map([...way.builds].filter(([tier]) => tiers.includes(tier))),
        ...(tiers.every(tier => tier === 'device') ? AS_IT_IS : {}),
      };
      return {candidate, plan: planDocument({...requestWith(candidate), placed: tiers})};
    });
  const otherwise = standing.flatMap(([candidate, plan]) =>
    candidate === chosen.candidate ? [] : [{candidate, plan}],
  );
  const amountOf = ({plan}: DraftPlan): number => amountOfPlan(plan, plan.predicted);
  return [...placed, ...otherwise].sort((one, other) => amountOf(one) - amountOf(other));
}

/** The chosen plan, `count - 1` drafts that hold the budget, and those of the others that are on one tier only. */
export async function listPlansToTry(
  chosen: Plan,
  drafts: readonly DraftPlan[],
  {
    count,
    finish,
  }: {
    readonly count: number;
    readonly finish: (candidate: BoundaryCandidate, plan: Plan) => Promise<Plan | null>;
  },
): Promise<readonly Plan[]> {
  const plans = [chosen];
  const seen = new Set([placementKey(chosen)]);
  for (const {candidate, plan} of drafts) {
    const isOnOneTier = new Set(plan.layers.map(({tier}) => tier)).size === 1;
    if ((plans.length >= count && !isOnOneTier) || seen.has(placementKey(plan))) continue;
    const finished = await finish(candidate, plan);
    if (finished === null || seen.has(placementKey(finished))) continue;
    seen.add(placementKey(finished));
    plans.push(finished);
  }
  return plans;
}
