import type {PlanPrices} from '../../documents/planPrices.ts';
import {findLowerEnvelope} from '../envelope/lowerEnvelope.ts';
import type {CostLine} from '../envelope/lowerEnvelope.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {searchGoal} from './goalSearch.ts';
import type {Limit} from './goalSearch.ts';
import {isListedWithin, listPlacements, MOST_PLACEMENTS} from './listPlacements.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {moneyOf, PICO} from './measuresOfRequest.ts';
import {objectiveMeasure} from './objectiveMeasure.ts';
import {restrictSpace} from './restrictions.ts';
import {amountOf, mostOf, roundedMeasure, weighMeasures} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';
import {totalsOf} from './totalsOfGoal.ts';

/** How many times the declared price, and what weighted sums may come to. */
const HIGHEST_FACTOR = 100;
const LARGEST_SUM = 2 ** 45;
const MICRO = 1e6;

interface PriceLine extends CostLine {
  readonly placement: SpacePlacement;
}

/**
 * What would be the best at every price of an hour, from nothing to a hundred times what was declared: the objective is a line
 * in the price for each placement, so the best is a lower envelope, and each breakpoint is proven by a search.
 * @param best the plan's own placement
 */
export function pricesOfPlan(
  goal: MeasuredGoal,
  measurements: PlacementMeasurements,
  best: SpacePlacement,
  nameOf: (placement: SpacePlacement) => string,
): PlanPrices | null {
  const {price, objective = 'latency'} = measurements;
  if (price === undefined) return null;
  const {perHour, egressPerGigabyte, currency} = price;
  const declared = {perHour, egressPerGigabyte, currency};
  const factor = typeof objective === 'string' ? 1 : ((objective.moneyPerUnit ?? 0) * MICRO) / PICO;
  const isWeighed = objective === 'money' || (typeof objective !== 'string' && factor > 0);
  if (!isWeighed || perHour === 0 || measurements.constraints.maxMoney !== undefined)
    return {...declared, isProven: measurements.constraints.maxMoney === undefined};

  const space = restrictSpace(goal.space, goal.restrictions);
  const moneyAt = (hour: number, egress: number): Measure => {
    const other = {...price, perHour: hour, egressPerGigabyte: egress};
    const measure = moneyOf({...measurements, price: other}, space, goal.tiers, goal.latency);
    if (measure === null) throw new RangeError('a price without money');
    return measure;
  };
  const fixed = objectiveMeasure({...goal, money: moneyAt(0, egressPerGigabyte)}, objective).measure;
  const hourly = moneyAt(perHour, 0);
  const lineOf = (placement: SpacePlacement): PriceLine => ({
    atZero: amountOf(space, fixed, placement),
    slope: factor * amountOf(space, hourly, placement),
    placement,
  });
  let isProven = true;
  const solveAt = (times: number): PriceLine => {
    const weighed = weighMeasures([
      {measure: fixed, weight: 1},
      {measure: hourly, weight: factor * times},
    ]);
    const scale = LARGEST_SUM / (mostOf(weighed) + 1);
    const {best: found, bound} = searchGoal({
      space,
      objective: roundedMeasure(weighed, scale),
      limits: goal.limits,
    });
    if (found === null || bound < found.amount) isProven = false;
    return lineOf(found ?? best);
  };
  const listed = goal.limits.length === 0 ? null : listWithin(space, fixed, hourly, goal.limits);
  const {pieces} =
    listed === null
      ? findLowerEnvelope(0, HIGHEST_FACTOR, solveAt, [lineOf(best)])
      : findLowerEnvelope(0, HIGHEST_FACTOR, times => lineOf(listed.leastAt(factor * times)), [lineOf(best)]);
  return {
    ...declared,
    pieces: pieces.map(({from, to, line}) => ({
      fromPerHour: from * perHour,
      // A placement that the cloud is paid nothing for stays the best however dear it gets.
      toPerHour: to === HIGHEST_FACTOR && line.slope === 0 ? null : to * perHour,
      name: nameOf(line.placement),
      predicted: totalsOf(goal, measurements, line.placement),
    })),
    isProven,
  };
}

/** Every placement within the limits, where there are few enough of them: at each price a look at all is faster than a search. */
function listWithin(
  space: Space,
  fixed: Measure,
  hourly: Measure,
  limits: readonly Limit[],
): {readonly leastAt: (weight: number) => SpacePlacement} | null {
  const list = listPlacements(space, [fixed, hourly, ...limits.map(({measure}) => measure)], MOST_PLACEMENTS);
  if (list === null) return null;
  const within = Array.from({length: list.count}, (_, index) => index).filter(index =>
    isListedWithin(list, index, limits, 2),
  );
  return {
    leastAt: weight => {
      const amountOfIndex = (index: number): number =>
        list.amountAt(index, 0) + weight * list.amountAt(index, 1);
      return list.placementAt(
        within.reduce((least, index) => (amountOfIndex(index) < amountOfIndex(least) ? index : least)),
      );
    },
  };
}
