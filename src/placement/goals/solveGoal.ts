import type {PlacementMeasurements} from '../measurements.ts';
import {searchGoal} from './goalSearch.ts';
import type {GoalAnswer, Limit} from './goalSearch.ts';
import {leastListed} from './leastListed.ts';
import {leastBusyPlacement} from './leastBusyPlacement.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {objectiveMeasure} from './objectiveMeasure.ts';
import {restrictSpace} from './restrictions.ts';
import type {Restriction} from './restrictions.ts';
import {amountOf} from './space.ts';
import type {SpacePlacement} from './space.ts';
import {busiestNs, stagesOf} from './stages.ts';

/** Placements that are looked for before all are tried. */
const SHORT_SEARCH = 32;

export interface Solved extends SpacePlacement {
  readonly amount: number;
  readonly bound: number;
}

/** The best placement for the objective under some of the restrictions and limits; `null`: none was found. */
export function solveGoal(
  goal: MeasuredGoal,
  objective: PlacementMeasurements['objective'],
  restrictions: readonly Restriction[],
  limits: readonly Limit[],
): Solved | null {
  const {best, bound} = answerFully(goal, objective, restrictions, limits);
  return best === null ? null : {...best, bound};
}

/** A short search proves most answers; where it does not, all placements are tried if they are not too many. */
function answerFully(
  goal: MeasuredGoal,
  objective: PlacementMeasurements['objective'] = 'latency',
  restrictions: readonly Restriction[],
  limits: readonly Limit[],
): GoalAnswer {
  const {latency, requestOverheadNs} = goal;
  const isRate = objective === 'throughput';
  if (isRate || limits.length > 0) {
    const space = restrictSpace(goal.space, restrictions);
    const early = answerGoal(goal, objective, restrictions, limits, SHORT_SEARCH);
    if (early.best === null ? early.isExhausted : early.bound === early.best.amount) return early;
    const stages = isRate
      ? stagesOf(space, latency, requestOverheadNs)
      : [{measure: objectiveMeasure(goal, objective).measure, baseNs: 0}];
    const listed = leastListed(space, stages, latency, limits);
    if (listed !== null) return listed;
  }
  return answerGoal(goal, objective, restrictions, limits);
}

export function answerGoal(
  goal: Pick<MeasuredGoal, 'space' | 'latency' | 'energy' | 'money' | 'requestOverheadNs'>,
  objective: PlacementMeasurements['objective'] = 'latency',
  restrictions: readonly Restriction[],
  limits: readonly Limit[],
  mostCuts?: number,
): GoalAnswer {
  const most = mostCuts === undefined ? {} : {mostCuts};
  const space = restrictSpace(goal.space, restrictions);
  const {latency, requestOverheadNs} = goal;
  return objective === 'throughput'
    ? leastBusyPlacement({space, latency, requestOverheadNs, limits, ...most})
    : searchGoal({space, objective: objectiveMeasure(goal, objective).measure, limits, ...most});
}

/** What a placement takes of what is to be as little as possible. */
export function amountOfGoal(
  goal: Pick<MeasuredGoal, 'space' | 'latency' | 'energy' | 'money' | 'requestOverheadNs'>,
  objective: NonNullable<PlacementMeasurements['objective']>,
  placement: SpacePlacement,
): number {
  const {space, latency, requestOverheadNs} = goal;
  return objective === 'throughput'
    ? busiestNs(space, stagesOf(space, latency, requestOverheadNs), placement)
    : amountOf(space, objectiveMeasure(goal, objective).measure, placement);
}
