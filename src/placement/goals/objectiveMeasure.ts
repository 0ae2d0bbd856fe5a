import type {PlanObjective} from '../../documents/plan.ts';
import {PICO} from './measuresOfRequest.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import type {Measure} from './space.ts';

const MICRO = 1e6;

/** What is made as small as possible, in whole units, and what they are called. */
export function objectiveMeasure(
  goal: Pick<MeasuredGoal, 'latency' | 'energy' | 'money'>,
  objective: Exclude<PlanObjective, 'throughput'>,
): {readonly measure: Measure; readonly unit: 'ns' | 'nJ' | 'pico-money' | 'micro-weight'} {
  const need = (measure: Measure | null, what: string): Measure => {
    if (measure === null) throw new RangeError(`no ${what} was declared`);
    return measure;
  };
  if (objective === 'latency') return {measure: goal.latency, unit: 'ns'};
  if (objective === 'energy') return {measure: need(goal.energy, 'power'), unit: 'nJ'};
  if (objective === 'money') return {measure: need(goal.money, 'price'), unit: 'pico-money'};
  const {latencyPerMs = 0, energyPerMillijoule = 0, moneyPerUnit = 0} = objective;
  // A millionth of a weight: 1 per ms is 1 per ns then.
  const parts = [
    {measure: goal.latency, factor: latencyPerMs},
    ...(energyPerMillijoule === 0
      ? []
      : [{measure: need(goal.energy, 'power'), factor: energyPerMillijoule}]),
    ...(moneyPerUnit === 0
      ? []
      : [{measure: need(goal.money, 'price'), factor: (moneyPerUnit * MICRO) / PICO}]),
  ];
  const sum = (pick: (measure: Measure) => readonly number[]): number[] =>
    pick(goal.latency).map((_, index) =>
      Math.round(parts.reduce((total, {measure, factor}) => total + (pick(measure)[index] ?? 0) * factor, 0)),
    );
  const rows = (pick: (measure: Measure) => readonly (readonly number[])[]): number[][] =>
    pick(goal.latency).map((_, row) => sum(measure => pick(measure)[row] ?? []));
  return {
    measure: {
      layers: rows(({layers}) => layers),
      up: rows(({up}) => up),
      down: rows(({down}) => down),
      links: sum(({links}) => links),
      hosted: sum(({hosted}) => hosted),
      tiers: sum(({tiers}) => tiers),
    },
    unit: 'micro-weight',
  };
}
