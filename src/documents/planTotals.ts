import {z} from 'zod';
import {tier} from './planTiers.ts';

/** An amount of money, in a currency's own unit; of one request it is mostly a tiny part of that. */
export const money = z.strictObject({amount: z.number().nonnegative(), currency: z.string()});

export const totals = z.strictObject({
  latencyMs: z.number().nonnegative(),
  deviceMs: z.number().nonnegative(),
  linkMs: z.number().nonnegative(),
  cloudMs: z.number().nonnegative(),
  /** Absent without a gateway. */
  gatewayMs: z.number().nonnegative().optional(),
  overheadMs: z.number().nonnegative(),
  upBytes: z.int().nonnegative(),
  downBytes: z.int().nonnegative(),
  deviceWeightBytes: z.int().nonnegative(),
  cloudWeightBytes: z.int().nonnegative(),
  /** Where nine of ten measured medians will lie; absent in alternatives, and in plans that were made before plans had it. */
  interval90: z.strictObject({lowMs: z.number().nonnegative(), highMs: z.number().nonnegative()}).optional(),
  /** Each tier with what its layers take and the weights that they read; the plan's tiers in their order. */
  tiers: z
    .array(
      z.strictObject({
        tier,
        ms: z.number().nonnegative(),
        weightBytes: z.int().nonnegative(),
        /** Weights, what lives between layers at the fullest moment, and buffers. */
        memoryBytes: z.int().nonnegative().optional(),
      }),
    )
    .optional(),
  /** Each link with everything that it takes, its fixed part too where anything crosses it. */
  links: z
    .array(
      z.strictObject({
        from: tier,
        to: tier,
        ms: z.number().nonnegative(),
        upBytes: z.int().nonnegative(),
        downBytes: z.int().nonnegative(),
      }),
    )
    .optional(),
  /** Of the busiest tier or link: how soon one request can follow another. */
  bottleneckMs: z.number().nonnegative().optional(),
  /** Of the device, for one request: computing and sending. */
  energyMillijoules: z.number().nonnegative().optional(),
  /** Of the cloud, for one request. */
  money: money.optional(),
});

export type PlanTotals = z.infer<typeof totals>;
