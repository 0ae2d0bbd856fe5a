import type {PlanObjective, PlanTotals} from '../../documents/plan.ts';
import type {OutlookAxis, OutlookPlacement, PlanOutlook} from '../../documents/planOutlook.ts';
import {amountOfPlan, goalOfPlan} from '../goalOfPlan.ts';
import {defaultCuts} from '../goals/goalSearch.ts';
import type {MeasuredGoal} from '../goals/measuredGoal.ts';
import {PICO} from '../goals/measuresOfRequest.ts';
import {amountOf} from '../goals/space.ts';
import type {Measure, SpacePlacement} from '../goals/space.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {bestAt} from './bestAtPoint.ts';
import {listCosts} from './listCosts.ts';
import type {ListedCost as Placed} from './listCosts.ts';
import {costFormOver, costOver, keyOf, linesOfGoal, slopeOfLimit} from './placementCosts.ts';
import type {CostForm, PlacementCost} from './placementCosts.ts';
import {quantityAxesOf} from './quantityAxes.ts';
import type {QuantityAxis} from './quantityAxes.ts';
import {findRisingEnvelope} from './risingEnvelope.ts';
import type {LimitedCost, RisingEnvelope} from './risingEnvelope.ts';
import {sweepEnvelope} from './sweepEnvelope.ts';

const MILLION = 1e6;
/** For all axes together, so that a plan takes some seconds longer at most. */
const MOST_LAYERS_SOLVED = 20_000;
const MOST_SOLVES = 400;
/** Times what a plan may look for, for all points together: most are proven at once, and a few take as long as a plan. */
const PLANS = 4;
const FEWEST_CUTS = 24;

export interface OutlookRequest {
  readonly goal: MeasuredGoal;
  readonly measurements: PlacementMeasurements;
  readonly best: SpacePlacement;
  readonly totals: (placement: SpacePlacement) => PlanTotals;
  readonly nameOf: (placement: SpacePlacement) => string;
}

/**
 * Which placement is the best for the goal and within its limits at every bandwidth and round trip of each link and every speed
 * of the cloud; `null` where there is neither.
 */
export function outlookOfPlan(request: OutlookRequest): PlanOutlook | null {
  const {goal, measurements, best, totals, nameOf} = request;
  const {objective = 'latency'} = measurements;
  const axes = quantityAxesOf(measurements, goal);
  if (axes.length === 0) return null;
  const size = Math.max(1, goal.space.layers.length * (goal.tiers.length - 1));
  const mostSolves = Math.max(
    6,
    Math.min(MOST_SOLVES, Math.floor(MOST_LAYERS_SOLVED / (size * axes.length))),
  );
  const mostCuts = defaultCuts(goal.space);
  const known = new Map([[keyOf(best), {index: 0, placement: best}]]);
  const indexOf = (placement: SpacePlacement): number => {
    const before = known.get(keyOf(placement));
    if (before !== undefined) return before.index;
    known.set(keyOf(placement), {index: known.size, placement});
    return known.size - 1;
  };
  const forms = axes.map(axis => costFormOver(goal, objective, axis));
  // A single line within no limits is bounded as well by its ends.
  const listed = objective === 'throughput' || goal.limits.length > 0 ? listCosts(goal, forms) : null;
  const rows = axes.map((axis, at): OutlookAxis => {
    const form = forms[at] as CostForm;
    const costOf = (placement: SpacePlacement): PlacementCost => costOver(goal, form, placement);
    const knownCosts = [...known.values()].map(({placement}) => costOf(placement));
    const isRoundTrip = axis.axis.what === 'round-trip';
    const range = {from: isRoundTrip ? axis.axis.range.from : 0, to: axis.axis.range.to};
    let cutsLeft = Math.ceil((PLANS * mostCuts) / axes.length);
    const {pieces, offBy}: RisingEnvelope<Placed> =
      listed === null
        ? findRisingEnvelope<PlacementCost>({
            ...range,
            zero: range.from,
            solveAt: (x, within) => {
              const most = Math.max(FEWEST_CUTS, Math.min(mostCuts, cutsLeft));
              const {placement, bound, cuts} = bestAt(goal, objective, axis, x, within, most);
              cutsLeft -= cuts;
              return {found: placement === null ? null : costOf(placement), bound};
            },
            known: knownCosts,
            mostSolves,
          })
        : sweepEnvelope<Placed>([...knownCosts, ...listed(at)], range.from, range.to);
    return {
      ...describeAxis(axis),
      pieces: piecesInUnits(
        axis,
        pieces.map(({from, to, cost}) => ({
          from,
          to,
          placement: cost === null ? null : indexOf(cost.placementOf()),
          holdsForever: cost === null || isLevel(cost),
        })),
      ),
      // That it may be nothing at all says nothing.
      offBy: offBy < 1 ? offBy : null,
    };
  });
  const placements = [...known.values()].map(({placement}) =>
    describePlacement(goal, objective, axes, placement, nameOf(placement), totals(placement)),
  );
  const [first, ...others] = placements;
  const {unit} = goalOfPlan({objective, predicted: totals(best)});
  return first === undefined ? null : {unit, placements: [first, ...others], axes: rows};
}

function describeAxis({
  axis: {what, unit, current},
  link,
}: QuantityAxis): Omit<OutlookAxis, 'pieces' | 'offBy'> {
  if (what === 'device-speed') throw new RangeError('the device is what it is');
  return {what, ...(link ?? {}), unit, current};
}

function isLevel({lines, limits}: LimitedCost): boolean {
  return lines.every(({slope}) => slope === 0) && limits.every(({line}) => line.slope <= 0);
}

/** Ascending in the axis's own unit. */
function piecesInUnits(
  {axis}: QuantityAxis,
  pieces: readonly {
    readonly from: number;
    readonly to: number;
    readonly placement: number | null;
    readonly holdsForever: boolean;
  }[],
): OutlookAxis['pieces'] {
  const isSpeed = axis.what !== 'round-trip';
  const rows = pieces.map(({from, to, placement, holdsForever}, at) => {
    const isLast = at === pieces.length - 1 && holdsForever;
    return isSpeed
      ? {from: axis.valueAt(to), to: from === 0 ? null : axis.valueAt(from), placement}
      : {from: axis.valueAt(from), to: isLast ? null : axis.valueAt(to), placement};
  });
  const [first, ...others] = isSpeed ? rows.toReversed() : rows;
  if (first === undefined) throw new RangeError('an axis without pieces');
  return [first, ...others];
}

/** What a unit of the goal's whole ones is in the plan's. */
function unitOf(objective: PlanObjective): number {
  return objective === 'money' ? PICO : MILLION;
}

function describePlacement(
  goal: MeasuredGoal,
  objective: PlanObjective,
  axes: readonly QuantityAxis[],
  placement: SpacePlacement,
  name: string,
  predicted: PlanTotals,
): OutlookPlacement {
  const slopesOf = (measureOf: (axis: QuantityAxis) => Measure | null, unit: number): number[] =>
    axes.map(axis => {
      const measure = measureOf(axis);
      // Round trips are told in ms, and what x is for them are ns.
      const perMs = axis.axis.what === 'round-trip' ? MILLION : 1;
      return measure === null ? 0 : (amountOf(goal.space, measure, placement) * perMs) / unit;
    });
  const unit = unitOf(objective);
  const lines = linesOfGoal(goal, objective);
  const amount = lines.map(({measure, base}, at) => ({
    now:
      objective === 'throughput'
        ? (base + amountOf(goal.space, measure, placement)) / unit
        : amountOfPlan({objective}, predicted),
    slopes: slopesOf(
      ({slopes}) => linesOfGoal({...goal, ...slopes, requestOverheadNs: 0}, objective)[at]?.measure ?? null,
      unit,
    ),
  }));
  const [first, ...others] = amount;
  if (first === undefined) throw new RangeError('a goal of nothing');
  return {
    name,
    predicted,
    latencyMs: {now: predicted.latencyMs, slopes: slopesOf(({slopes}) => slopes.latency, MILLION)},
    amount: [first, ...others],
    limits: goal.limits.flatMap(limit => {
      const slopeOf = (axis: QuantityAxis): Measure | null => slopeOfLimit(goal, axis, limit);
      if (axes.every(axis => slopeOf(axis) === null)) return [];
      const isMoney = limit.measure === goal.money;
      const limitUnit = isMoney ? PICO : MILLION;
      const overheadMs = isMoney ? 0 : goal.requestOverheadNs / MILLION;
      return [
        {
          name: limit.name,
          taken: {
            now: overheadMs + amountOf(goal.space, limit.measure, placement) / limitUnit,
            slopes: slopesOf(slopeOf, limitUnit),
          },
          allowed: overheadMs + limit.most / limitUnit,
        },
      ];
    }),
  };
}
