import type {PlanPareto, ParetoGoal, ParetoGoals} from '../../documents/planPareto.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {goalFromMeasurements} from './goalFromMeasurements.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {createGoalNamer} from './namePlacement.ts';
import {objectiveMeasure} from './objectiveMeasure.ts';
import {paretoFront} from './paretoFront.ts';
import type {FrontGoal} from './frontQuestion.ts';
import {restrictSpace} from './restrictions.ts';
import {runsOnTiers} from './runsOnTiers.ts';
import {totalsOf} from './totalsOfGoal.ts';

/**
 * The front of two goals over everything that the constraints allow, tensors travelling as the measurements say.
 * @param chosen per layer, the tier that the plan has it on
 * @throws RangeError where nothing is allowed: then there is no plan either
 */
export function paretoOfPlan(
  measurements: PlacementMeasurements,
  goals: ParetoGoals,
  chosen: readonly string[],
): PlanPareto {
  const goal = goalFromMeasurements(measurements);
  const {latency, requestOverheadNs, limits, tiers} = goal;
  const space = restrictSpace(goal.space, goal.restrictions);
  const frontGoals = [frontGoalOf(goal, goals[0]), frontGoalOf(goal, goals[1])] as const;
  const front = paretoFront({space, latency, requestOverheadNs, limits, goals: frontGoals});
  if (front === null) throw new RangeError('no placement is allowed, yet there is a plan');
  const nameOf = createGoalNamer(goal);
  return {
    goals: [...goals],
    points: front.points.map(({isSupported, toNext, ...placement}) => ({
      name: nameOf(placement),
      runs: runsOnTiers(space.layers, layer => tiers[placement.tiers[layer] ?? 0] ?? 'device'),
      predicted: totalsOf(goal, measurements, placement),
      isChosen: placement.tiers.every((tier, layer) => tiers[tier] === chosen[layer]),
      isSupported,
      toNext,
    })),
    isComplete: front.isComplete,
  };
}

function frontGoalOf(goal: MeasuredGoal, name: ParetoGoal): FrontGoal {
  return name === 'throughput'
    ? {kind: 'busiest'}
    : {kind: 'sum', measure: objectiveMeasure(goal, name).measure};
}
