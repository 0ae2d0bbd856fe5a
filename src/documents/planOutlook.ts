import {z} from 'zod';
import {tier} from './planTiers.ts';
import {totals} from './planTotals.ts';

/**
 * An amount as it is now, and per axis how it changes: with a bandwidth or a speed v, by `slopes[axis] * (current / v - 1)`;
 * with a round trip, by so much for each ms more.
 */
const line = z.strictObject({now: z.number(), slopes: z.array(z.number())});

const placement = z.strictObject({
  /** As the alternatives are named. */
  name: z.string(),
  /** As everything was measured when the plan was made. */
  predicted: totals,
  latencyMs: line,
  /** What is made as small as possible: the largest of these. */
  amount: z.array(line).nonempty(),
  /** Of what is limited: what it takes, and what it may take. */
  limits: z.array(z.strictObject({name: z.string(), taken: line, allowed: z.number()})),
});

const piece = z.strictObject({
  from: z.number().nonnegative(),
  /** `null`: for every larger value too. */
  to: z.number().nonnegative().nullable(),
  /** Index into `placements`; `null`: none keeps within the limits. */
  placement: z.int().nonnegative().nullable(),
});

/**
 * Which placement is the best for the plan's goal, within its limits, at every value of one quantity with everything else
 * unchanged: for plans that have no `envelope`, which is for the latency over a device and a cloud.
 */
export const planOutlookSchema = z.strictObject({
  /** Of the amounts: what is made as small as possible. */
  unit: z.string(),
  /** The plan's own first. */
  placements: z.array(placement).nonempty(),
  axes: z.array(
    z.strictObject({
      what: z.enum(['link-bandwidth', 'round-trip', 'cloud-speed']),
      /** The ends of the link; absent for the cloud. */
      from: tier.optional(),
      to: tier.optional(),
      unit: z.enum(['bytes-per-second', 'ms', 'times']),
      /** The quantity's value in this plan, in the same unit; of a bandwidth the upward one, the downward one in proportion. */
      current: z.number().nonnegative(),
      /** Ascending and without gaps. */
      pieces: z.array(piece).nonempty(),
      /** By what share of it the best of all may lie below the one that is named, anywhere; 0: exact; `null`: not known. */
      offBy: z.number().nonnegative().nullable(),
    }),
  ),
});

export type PlanOutlook = z.infer<typeof planOutlookSchema>;
export type OutlookAxis = PlanOutlook['axes'][number];
export type OutlookPlacement = PlanOutlook['placements'][number];

interface PlanWithOutlook {
  readonly outlook?: PlanOutlook | undefined;
}

/** That a plan's outlook names placements that there are, says how each changes over each axis, and leaves no gap. */
export function checkPlanOutlook({outlook}: PlanWithOutlook, context: z.core.$RefinementCtx): void {
  if (outlook === undefined) return;
  const {placements, axes} = outlook;
  const refuse = (path: (string | number)[], input: unknown, expected: string): void =>
    context.addIssue({code: 'custom', path: ['outlook', ...path], message: `expected ${expected}`, input});
  placements.forEach(({latencyMs, amount, limits}, at) => {
    const lines = [latencyMs, ...amount, ...limits.map(({taken}) => taken)];
    const wrong = lines.find(({slopes}) => slopes.length !== axes.length);
    if (wrong !== undefined)
      refuse(['placements', at], wrong.slopes.length, `${axes.length} slopes, one per axis`);
  });
  axes.forEach(({pieces}, axis) => {
    pieces.forEach(({from, to, placement: index}, at) => {
      const path = ['axes', axis, 'pieces', at];
      const next = pieces[at + 1];
      if (index !== null && index >= placements.length)
        refuse([...path, 'placement'], index, `a position, at most ${placements.length - 1}`);
      if (to === null ? next !== undefined : to < from)
        refuse([...path, 'to'], to, `a number of at least ${from}`);
      else if (next !== undefined && next.from !== to)
        refuse(['axes', axis, 'pieces', at + 1, 'from'], next.from, `${to}, where the piece before ends`);
    });
  });
}
