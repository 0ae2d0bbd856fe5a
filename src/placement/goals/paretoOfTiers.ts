import type {PlacementAnswer} from '../../documents/placementAnswer.ts';
import type {ParetoGoals} from '../../documents/planPareto.ts';
import type {TierProblem} from '../tiers/tierProblem.ts';
import {goalOfTiers} from './goalOfTiers.ts';
import {paretoFront} from './paretoFront.ts';
import {runsOnTiers} from './runsOnTiers.ts';
import {amountOf} from './space.ts';
import {busiestNs, stagesOf} from './stages.ts';

const NS_PER_MS = 1e6;

/**
 * The front of latency and throughput, in either order, over tiers in the names of their table.
 * @param chosen per layer, the tier that the answer has it on
 * @throws RangeError where nothing is allowed, and for goals that a table knows nothing of
 */
export function paretoOfTiers(
  problem: TierProblem,
  tierNames: readonly string[],
  goals: ParetoGoals,
  chosen: readonly number[],
): NonNullable<PlacementAnswer['pareto']> {
  const {space, latency, limits} = goalOfTiers(problem);
  const frontGoalOf = (goal: ParetoGoals[number]) => {
    if (goal === 'throughput') return {kind: 'busiest'} as const;
    if (goal === 'latency') return {kind: 'sum', measure: latency} as const;
    throw new RangeError(`a table of costs says nothing of ${goal}`);
  };
  const front = paretoFront({
    space,
    latency,
    requestOverheadNs: 0,
    limits,
    goals: [frontGoalOf(goals[0]), frontGoalOf(goals[1])],
  });
  if (front === null) throw new RangeError('no placement is allowed, yet there is an answer');
  const stages = stagesOf(space, latency, 0);
  return {
    goals: [...goals],
    points: front.points.map(({tiers, crossings, isSupported, toNext}) => ({
      runs: runsOnTiers(problem.layers, layer => tierNames[tiers[layer] ?? 0] ?? ''),
      latencyMs: amountOf(space, latency, {tiers, crossings}) / NS_PER_MS,
      bottleneckMs: busiestNs(space, stages, {tiers, crossings}) / NS_PER_MS,
      isChosen: tiers.every((tier, layer) => tier === chosen[layer]),
      isSupported,
      toNext,
    })),
    isComplete: front.isComplete,
  };
}
