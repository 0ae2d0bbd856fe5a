import type {PlanObjective} from '../../documents/plan.ts';
import type {CostLine} from '../envelope/lowerEnvelope.ts';
import type {Limit} from '../goals/goalSearch.ts';
import type {MeasuredGoal} from '../goals/measuredGoal.ts';
import {objectiveMeasure} from '../goals/objectiveMeasure.ts';
import {amountOf} from '../goals/space.ts';
import type {Measure, SpacePlacement} from '../goals/space.ts';
import {stagesOf} from '../goals/stages.ts';
import type {QuantityAxis} from './quantityAxes.ts';
import type {RisingCost} from './risingEnvelope.ts';

export interface PlacementCost extends RisingCost {
  readonly placement: SpacePlacement;
}

export function keyOf({tiers, crossings}: SpacePlacement): string {
  return `${tiers.join()} ${crossings.map(({tensor, link}) => `${tensor}:${link}`).join()}`;
}

/** What a placement costs over one axis, in the goal's own whole units. */
export function costsOver(
  goal: MeasuredGoal,
  objective: PlanObjective,
  axis: QuantityAxis,
): (placement: SpacePlacement) => PlacementCost {
  const lines = linesOfGoal(goal, objective);
  const slopes = linesOfGoal({...goal, ...axis.slopes, requestOverheadNs: 0}, objective);
  const limits = goal.limits.map(limit => ({limit, slope: slopeOfLimit(goal, axis, limit)}));
  const {space} = goal;
  return placement => ({
    key: keyOf(placement),
    placement,
    lines: withoutHidden(
      lines.map(({measure, base}, at): CostLine => {
        const slope = amountOf(space, slopes[at]?.measure ?? measure, placement);
        return {atZero: base + amountOf(space, measure, placement) - slope * axis.now, slope};
      }),
    ),
    limits: limits.map(({limit: {measure, most, extraOf}, slope: measureOfSlope}) => {
      const slope = measureOfSlope === null ? 0 : amountOf(space, measureOfSlope, placement);
      const now = amountOf(space, measure, placement) + (extraOf?.(placement) ?? 0);
      return {line: {atZero: now - slope * axis.now, slope}, most};
    }),
  });
}

/** Of lines that do not rise only the highest counts. */
function withoutHidden(lines: readonly CostLine[]): CostLine[] {
  const level = lines.filter(({slope}) => slope === 0);
  const highest = Math.max(...level.map(({atZero}) => atZero));
  return [
    ...(level.length === 0 ? [] : [{atZero: highest, slope: 0}]),
    ...lines.filter(({slope}) => slope !== 0),
  ];
}

/** What is made as small as possible: the highest of these, each with what it takes in any case. */
export function linesOfGoal(
  goal: MeasuredGoal,
  objective: PlanObjective,
): {readonly measure: Measure; readonly base: number}[] {
  if (objective === 'throughput')
    return stagesOf(goal.space, goal.latency, goal.requestOverheadNs).map(({measure, baseNs}) => ({
      measure,
      base: baseNs,
    }));
  return [{measure: objectiveMeasure(goal, objective).measure, base: 0}];
}

/** `null`: the limit does not change over the axis. */
export function slopeOfLimit(goal: MeasuredGoal, {slopes}: QuantityAxis, {measure}: Limit): Measure | null {
  if (measure === goal.latency) return slopes.latency;
  return measure === goal.money ? slopes.money : null;
}
