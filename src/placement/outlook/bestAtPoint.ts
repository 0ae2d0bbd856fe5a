import type {PlanObjective} from '../../documents/plan.ts';
import type {MeasuredGoal} from '../goals/measuredGoal.ts';
import {objectiveMeasure} from '../goals/objectiveMeasure.ts';
import {restrictSpace} from '../goals/restrictions.ts';
import {answerGoal} from '../goals/solveGoal.ts';
import {mostOf, roundedMeasure, weighMeasures} from '../goals/space.ts';
import type {Measure, SpacePlacement} from '../goals/space.ts';
import {slopeOfLimit} from './placementCosts.ts';
import type {QuantityAxis} from './quantityAxes.ts';

/** What amounts come to in the finest unit in which they can still be weighed and added up. */
const LARGEST_SUM = 2 ** 40;

/** The best where an axis is at x, with limits as they are `within`; amounts in the goal's units. */
export function bestAt(
  goal: MeasuredGoal,
  objective: PlanObjective,
  axis: QuantityAxis,
  x: number,
  within: number,
  mostCuts: number,
): {readonly placement: SpacePlacement | null; readonly bound: number; readonly cuts: number} {
  const space = restrictSpace(goal.space, goal.restrictions);
  const moved = (measure: Measure, slope: Measure, to: number): Measure =>
    weighMeasures([
      {measure, weight: 1},
      {measure: slope, weight: to - axis.now},
    ]);
  const limits = goal.limits.map(limit => {
    const slope = slopeOfLimit(goal, axis, limit);
    if (slope === null) return limit;
    const measure = moved(limit.measure, slope, within);
    const scale = LARGEST_SUM / (mostOf(measure) + limit.most + 1);
    return {...limit, measure: roundedMeasure(measure, scale), most: Math.floor(limit.most * scale)};
  });
  const there = {
    latency: moved(goal.latency, axis.slopes.latency, x),
    money: goal.money === null ? null : moved(goal.money, axis.slopes.money, x),
  };
  const scaled = scaledGoal({...goal, ...there, space}, objective);
  const {best, bound, cuts} = answerGoal(scaled.goal, scaled.objective, [], limits, mostCuts);
  return {placement: best, bound: bound === Infinity ? Infinity : bound / scaled.scale, cuts};
}

/** The same question in a unit so fine that rounding to whole ones changes next to nothing. */
function scaledGoal(
  goal: MeasuredGoal,
  objective: PlanObjective,
): {readonly goal: MeasuredGoal; readonly objective: 'latency' | 'throughput'; readonly scale: number} {
  const measure = objective === 'throughput' ? goal.latency : objectiveMeasure(goal, objective).measure;
  const scale = LARGEST_SUM / (mostOf(measure) + goal.requestOverheadNs + 1);
  return {
    goal: {
      ...goal,
      latency: roundedMeasure(measure, scale),
      requestOverheadNs: Math.round(goal.requestOverheadNs * scale),
    },
    objective: objective === 'throughput' ? 'throughput' : 'latency',
    scale,
  };
}
