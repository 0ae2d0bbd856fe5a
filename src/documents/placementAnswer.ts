import {z} from 'zod';
import {paretoGoal, pointFields} from './planPareto.ts';

/** Why a layer is on its tier. */
const placementReason = z.enum([
  'only-tier',
  'runs-only-here',
  'pinned-by-user',
  'memory-elsewhere-full',
  'faster-here',
  'as-fast-here',
  'no-way-elsewhere',
  'flows-up-only',
  'saves-transfer',
  'keeps-rate',
]);

const ms = z.number().nonnegative();
const bytes = z.int().nonnegative();
const nanoseconds = z.int().nonnegative();

/** The answer to a table of costs: where each layer runs and why, what crosses, what it costs, and the proof. */
export const placementAnswerSchema = z.strictObject({
  kind: z.literal('edgewise/placement'),
  formatVersion: z.literal(1),
  objective: z.enum(['latency', 'throughput']),
  direction: z.enum(['one-way', 'two-way']),
  tiers: z.array(z.string()),
  /** In the table's order. */
  decisions: z.array(z.strictObject({layer: z.string(), tier: z.string(), reason: placementReason, ms})),
  /** One per tensor and link that it takes; `from` is the tier that it leaves. `ms` without the round trip. */
  crossings: z.array(
    z.strictObject({
      tensor: z.string(),
      from: z.string(),
      to: z.string(),
      direction: z.enum(['up', 'down']),
      bytes,
      ms,
    }),
  ),
  totals: z.strictObject({
    latencyMs: ms,
    /** Of the busiest tier or link: how soon one request can follow another. */
    bottleneckMs: ms,
    /** Of all crossings. */
    bytes,
    tiers: z.array(z.strictObject({tier: z.string(), ms, weightBytes: bytes})),
    /** `roundTripMs` is 0 where nothing crosses. */
    links: z.array(z.strictObject({from: z.string(), to: z.string(), upMs: ms, downMs: ms, roundTripMs: ms})),
  }),
  /** Everything on one tier, for each tier where that is allowed. */
  alternatives: z.array(z.strictObject({tier: z.string(), latencyMs: ms, bottleneckMs: ms})),
  /** Where it was asked for: the placements that no other beats in both goals, from the best in the first to that in the second. */
  pareto: z
    .strictObject({
      goals: z.tuple([paretoGoal, paretoGoal]),
      points: z.array(
        z.strictObject({
          /** Runs of neighbours in the table's order. */
          runs: z.array(z.strictObject({tier: z.string(), first: z.string(), last: z.string()})),
          latencyMs: ms,
          bottleneckMs: ms,
          isChosen: z.boolean(),
          ...pointFields,
        }),
      ),
      isComplete: z.boolean(),
    })
    .optional(),
  /** Whole nanoseconds of the objective: no placement is below `bound`; `cut` is what this one costs. */
  certificate: z.strictObject({
    isOptimal: z.boolean(),
    flow: nanoseconds,
    cut: nanoseconds,
    bound: nanoseconds,
  }),
});

export type PlacementAnswer = z.infer<typeof placementAnswerSchema>;
export type PlacementReason = z.infer<typeof placementReason>;
