import type {PlacementAnswer} from '../documents/placementAnswer.ts';
import {amountOfGoal, type ParetoGoal, type PlanPareto} from '../documents/planPareto.ts';

/** A point as tables and charts show it; amounts in the units of the titles. */
export interface ShownPoint {
  readonly name: string;
  readonly amounts: readonly [number, number];
  readonly isChosen: boolean;
  readonly isSupported: boolean;
  readonly toNext: PlanPareto['points'][number]['toNext'];
}

export interface ShownFront {
  readonly titles: readonly [string, string];
  readonly points: readonly ShownPoint[];
  readonly isComplete: boolean;
}

const TITLES: Readonly<Record<ParetoGoal, string>> = {
  latency: 'latency ms',
  energy: 'energy mJ',
  money: 'money',
  throughput: 'one request every ms',
};

export function shownFrontOf({goals, points, isComplete}: PlanPareto): ShownFront {
  const currency = points[0]?.predicted.money?.currency;
  const titleOf = (goal: ParetoGoal): string =>
    goal === 'money' && currency !== undefined ? `money ${currency}` : TITLES[goal];
  return {
    titles: [titleOf(goals[0]), titleOf(goals[1])],
    points: points.map(({predicted, ...point}) => ({
      ...point,
      amounts: [amountOfGoal(goals[0], predicted), amountOfGoal(goals[1], predicted)],
    })),
    isComplete,
  };
}

export function shownFrontOfTable({
  goals,
  points,
  isComplete,
}: NonNullable<PlacementAnswer['pareto']>): ShownFront {
  return {
    titles: [TITLES[goals[0]], TITLES[goals[1]]],
    points: points.map(({runs, latencyMs, bottleneckMs, ...point}) => ({
      ...point,
      name: runs.map(({tier, last}) => `${tier} to ${last}`).join(', '),
      amounts: goals[0] === 'latency' ? [latencyMs, bottleneckMs] : [bottleneckMs, latencyMs],
    })),
    isComplete,
  };
}
