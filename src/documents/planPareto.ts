import {z} from 'zod';
import {tier} from './planTiers.ts';
import {totals} from './planTotals.ts';

/** What a front can weigh against each other. */
export const PARETO_GOALS = ['latency', 'energy', 'money', 'throughput'] as const;

export const paretoGoal = z.enum(PARETO_GOALS);

export type ParetoGoal = z.infer<typeof paretoGoal>;

/** Two different ones. */
export type ParetoGoals = readonly [ParetoGoal, ParetoGoal];

/** What every point of a front says of its place among all placements. */
export const pointFields = {
  /** Some weighted sum of both goals is the least here; else it lies inside the convex hull. */
  isSupported: z.boolean(),
  /** Of the stretch to the next point: `all`: nothing else is there; `hull`: others could be, inside the convex hull. */
  toNext: z.enum(['all', 'hull', 'nothing']),
};

/** The placements for which no other is better in one goal and as good in the other. */
export const planParetoSchema = z.strictObject({
  goals: z.tuple([paretoGoal, paretoGoal]),
  /** From the best in the first goal to the best in the second. */
  points: z.array(
    z.strictObject({
      name: z.string(),
      /** Runs of neighbouring layers on one tier, in the plan's order. */
      runs: z.array(z.strictObject({tier, first: z.string(), last: z.string()})),
      predicted: totals,
      /** The plan's own placement. */
      isChosen: z.boolean(),
      ...pointFields,
    }),
  ),
  /** Proven: each of them, and that there are no others. */
  isComplete: z.boolean(),
});

export type PlanPareto = z.infer<typeof planParetoSchema>;

/** What a point takes of a goal, in the unit that documents count it in. */
export function amountOfGoal(
  goal: ParetoGoal,
  {latencyMs, energyMillijoules, money, bottleneckMs}: PlanPareto['points'][number]['predicted'],
): number {
  switch (goal) {
    case 'latency':
      return latencyMs;
    case 'energy':
      return energyMillijoules ?? 0;
    case 'money':
      return money?.amount ?? 0;
    case 'throughput':
      return bottleneckMs ?? 0;
  }
}
