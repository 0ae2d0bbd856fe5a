import {TierSearch} from '../tiers/tierSearch.ts';
import {tablesOf} from '../tiers/tierTables.ts';
import {narrowTiers, reachOf} from '../tiers/narrowTiers.ts';
import {contractionOf, masksOfGroups, tierProblemOf, usableTiers} from './cheapestPlacement.ts';
import {defaultCuts, searchGoal} from './goalSearch.ts';
import type {Goal, GoalAnswer, Limit} from './goalSearch.ts';
import {amountOf} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';
import {busiestNs, stagesOf} from './stages.ts';
import type {Stage} from './stages.ts';

export interface RateGoal extends Omit<Goal, 'objective'> {
  /** Of equally busy placements that are found within limits, the one that takes least of it. */
  readonly latency: Measure;
  readonly requestOverheadNs: number;
}

/**
 * The placement whose busiest tier or link takes least, so that requests can follow each other soonest. Where the one without
 * limits breaks one, each stage is given a limit as well, and the least that can be kept is found by halving.
 */
export function leastBusyPlacement(goal: RateGoal): GoalAnswer {
  const {space, latency, requestOverheadNs, limits, mostCuts = defaultCuts(space)} = goal;
  const free = leastBusyWithoutLimits(space, latency, requestOverheadNs, mostCuts);
  if (free === null) return {best: null, bound: Infinity, isExhausted: true, cuts: 1};
  const {best: placement, bound} = free;
  const isProven = placement !== null && bound === placement.amount;
  if (placement !== null && isWithin(space, limits, placement))
    return {best: placement, bound, isExhausted: isProven, cuts: 1};

  const stages = stagesOf(space, latency, requestOverheadNs);
  let cuts = 0;
  const leastWithin = (mostNs: number): GoalAnswer => {
    const answer = searchGoal({
      space,
      objective: latency,
      limits: [...limits, ...limitsOfStages(stages, mostNs)],
      mostCuts: Math.max(1, mostCuts - cuts),
    });
    cuts += answer.cuts;
    return answer;
  };
  const first = searchGoal({space, objective: latency, limits, mostCuts});
  cuts += first.cuts;
  if (first.best === null) return {...first, cuts};
  let best = {...first.best, amount: busiestNs(space, stages, first.best)};
  let low = bound;
  while (low < best.amount) {
    const middle = Math.floor((low + best.amount) / 2);
    const {best: found, isExhausted} = leastWithin(middle);
    if (found !== null) best = {...found, amount: busiestNs(space, stages, found)};
    else if (isExhausted) low = middle + 1;
    else break;
  }
  return {best, bound: low, isExhausted: low === best.amount, cuts};
}

/** That no stage takes longer than so much. */
export function limitsOfStages(stages: readonly Stage[], mostNs: number): Limit[] {
  return stages.map(({name, measure, baseNs}) => ({name, measure, most: mostNs - baseNs}));
}

function isWithin(space: Space, limits: readonly Limit[], placement: SpacePlacement): boolean {
  return limits.every(
    ({measure, most, extraOf}) => amountOf(space, measure, placement) + (extraOf?.(placement) ?? 0) <= most,
  );
}

/** `null`: nothing is allowed. */
function leastBusyWithoutLimits(
  space: Space,
  measure: Measure,
  requestOverheadNs: number,
  mostCuts: number,
): Pick<GoalAnswer, 'best' | 'bound'> | null {
  const contraction = contractionOf(space);
  const masks = masksOfGroups(
    space,
    contraction,
    Int32Array.from(space.layers, ({tierMask}) => tierMask),
  );
  if (masks === null) return null;
  let best: (SpacePlacement & {amount: number}) | null = null;
  let bound = Infinity;
  for (const usable of usableTiers(space, measure, masks)) {
    const {problem, exchanged} = tierProblemOf(space, contraction, measure, masks, usable);
    // What a tier takes once is a layer that is held there.
    const held = measure.tiers.flatMap((ns, tier) => {
      const once = ns + (tier === 0 ? requestOverheadNs : 0);
      const isUsed = (usable & (1 << tier)) !== 0;
      if (!isUsed && tier !== 0) return [];
      const timesNs = measure.tiers.map((_, at) =>
        at === tier ? (isUsed ? once : requestOverheadNs) : null,
      );
      return [{name: `once ${tier}`, timesNs, weightBytes: 0}];
    });
    const tables = tablesOf({...problem, layers: [...problem.layers, ...held]});
    if (tables.tierMasks.includes(0)) continue;
    if (!narrowTiers(tables, reachOf(tables, {closedMask: 0}), tables.tierMasks.slice())) continue;
    const search = new TierSearch(tables, 'throughput', mostCuts);
    const {best: found, boundNs} = search.run(() =>
      problem.memoryBytes.map((_, tier) => [
        ...problem.layers.map(() => tier),
        ...held.map(({timesNs}) => timesNs.findIndex(ns => ns !== null)),
      ]),
    );
    bound = Math.min(bound, boundNs);
    if (found === null || (best !== null && found.ns >= best.amount)) continue;
    best = {
      tiers: contraction.groupOf.map(group => found.tiers[group] as number),
      crossings: found.cost.crossings.map(crossing => ({
        ...crossing,
        tensor: exchanged[crossing.tensor] as number,
      })),
      amount: found.ns,
    };
  }
  if (best === null && bound === Infinity) return null;
  return {best, bound: Math.min(bound, best?.amount ?? Infinity)};
}
