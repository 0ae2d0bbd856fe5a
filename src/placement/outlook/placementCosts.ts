import type {PlanObjective} from '../../documents/plan.ts';
import type {CostLine} from '../envelope/lowerEnvelope.ts';
import type {Limit} from '../goals/goalSearch.ts';
import type {MeasuredGoal} from '../goals/measuredGoal.ts';
import {objectiveMeasure} from '../goals/objectiveMeasure.ts';
import {amountOf} from '../goals/space.ts';
import type {Measure, SpacePlacement} from '../goals/space.ts';
import {stagesOf} from '../goals/stages.ts';
import type {QuantityAxis} from './quantityAxes.ts';
import type {LimitedCost, RisingCost} from './risingEnvelope.ts';

export interface PlacementCost extends RisingCost {
  readonly placementOf: () => SpacePlacement;
}

export function keyOf({tiers, crossings}: SpacePlacement): string {
  return `${tiers.join()} ${crossings.map(({tensor, link}) => `${tensor}:${link}`).join()}`;
}

/** What has to be known of placements to say what they cost over one axis. */
export interface CostForm {
  readonly measures: readonly Measure[];
  /**
   * In the goal's own whole units.
   * @param amountAt what the placement takes of each of the measures
   * @param extras per limit, what comes on top for the whole placement
   */
  costFrom(amountAt: (at: number) => number, extras: readonly number[]): LimitedCost;
}

export function costFormOver(goal: MeasuredGoal, objective: PlanObjective, axis: QuantityAxis): CostForm {
  const lines = linesOfGoal(goal, objective);
  const slopes = linesOfGoal({...goal, ...axis.slopes, requestOverheadNs: 0}, objective);
  const slopesOfLimits = goal.limits.map(limit => slopeOfLimit(goal, axis, limit));
  const measures: Measure[] = [];
  const add = (measure: Measure): number => measures.push(measure) - 1;
  const rows = lines.map(({measure, base}, at) => ({
    base,
    now: add(measure),
    slope: add(slopes[at]?.measure ?? measure),
  }));
  const limits = goal.limits.map(({measure, most}, at) => {
    const slope = slopesOfLimits[at] ?? null;
    return {most, now: add(measure), slope: slope === null ? null : add(slope)};
  });
  const lineFrom = (now: number, slope: number): CostLine => ({atZero: now - slope * axis.now, slope});
  return {
    measures,
    costFrom: (amountAt, extras) => ({
      lines: withoutHidden(rows.map(({base, now, slope}) => lineFrom(base + amountAt(now), amountAt(slope)))),
      limits: limits.map(({most, now, slope}, at) => ({
        line: lineFrom(amountAt(now) + (extras[at] ?? 0), slope === null ? 0 : amountAt(slope)),
        most,
      })),
    }),
  };
}

/** What one placement costs over one axis. */
export function costOver(goal: MeasuredGoal, form: CostForm, placement: SpacePlacement): PlacementCost {
  const amountAt = (at: number): number => amountOf(goal.space, form.measures[at] as Measure, placement);
  return {
    key: keyOf(placement),
    placementOf: () => placement,
    ...form.costFrom(amountAt, extrasOf(goal, placement)),
  };
}

export function extrasOf({limits}: MeasuredGoal, placement: SpacePlacement): number[] {
  return limits.map(({extraOf}) => extraOf?.(placement) ?? 0);
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
