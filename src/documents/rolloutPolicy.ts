import {z} from 'zod';

/** A number of devices, or a part of them: 3 or "10%". */
const share = z.union([
  z.int().nonnegative(),
  z.string().regex(/^(100|\d{1,2})(\.\d+)?%$/, 'expected a number of devices or a percentage such as "10%"'),
]);
export type Share = z.infer<typeof share>;

/** A part of one: 0.05 or "5%". */
const fraction = z.union([
  z.number().min(0).max(1),
  z.string().regex(/^(100|\d{1,2})(\.\d+)?%$/, 'expected a number from 0 to 1 or a percentage such as "5%"'),
]);

const factor = z.number().min(1);

export const rolloutPolicySchema = z.strictObject({
  waves: z
    .array(share)
    .min(1)
    .optional()
    .describe('How many devices have the release after each wave; [1, "10%", "50%", "100%"] when left out.'),
  classLabel: z
    .string()
    .optional()
    .describe(
      'Label that tells kinds of hardware apart: every kind has a device in the first wave. Else: the target.',
    ),
  maxParallel: z.int().min(1).optional().describe('Devices that are worked on at once; 10 when left out.'),
  maxUnavailable: share
    .optional()
    .describe('Devices that may be between two releases or ill at once; "25%" when left out.'),
  soakSeconds: z.number().nonnegative().optional().describe('Watched after each wave; 60 when left out.'),
  patienceSeconds: z
    .number()
    .nonnegative()
    .optional()
    .describe('How long after soaking a gate may wait for more samples before the rollout pauses; 300.'),
  confirmWithinSeconds: z
    .number()
    .positive()
    .optional()
    .describe('A device that nobody confirms for so long goes back by itself; 300 when left out.'),
  approveBefore: z
    .array(z.int().min(2))
    .optional()
    .describe('Waves, counted from 1, that wait for "edgewise rollout approve".'),
  probes: z
    .boolean()
    .optional()
    .describe('Send golden requests while gates lack samples; true when left out.'),
  gates: z
    .strictObject({
      failures: share.optional().describe('Devices that may fail, of those tried; "2%" when left out.'),
      unreachable: share.optional().describe('Devices that may be offline, of those tried; "20%".'),
      errorRate: fraction
        .optional()
        .describe('Failed requests: below half of it a wave passes, above twice of it it fails; "5%".'),
      p95ToPrediction: factor
        .optional()
        .describe("p95 latency as a multiple of the plan's; 2 when left out."),
      p95ToPrevious: factor
        .optional()
        .describe(
          "p95 latency as a multiple of the previous release's on the same device; 1.5 when left out.",
        ),
      memoryToPrevious: factor.optional().describe("Memory, as a multiple of the previous release's; 2."),
      throttled: fraction.optional().describe('Part of the time that a processor may be throttled; "50%".'),
      outputShift: fraction
        .optional()
        .describe('How far the answers may shift between classes, as total variation distance; "25%".'),
      minSamples: z
        .int()
        .min(1)
        .optional()
        .describe('Requests without which no gate passes, and that a push times; 60.'),
    })
    .optional(),
});
export type RolloutPolicyFields = z.infer<typeof rolloutPolicySchema>;

/** A policy with everything said, in plain numbers. */
export const completePolicySchema = z.strictObject({
  waves: z.array(share),
  maxParallel: z.int().positive(),
  maxUnavailable: share,
  soakMs: z.number(),
  patienceMs: z.number(),
  confirmWithinMs: z.number(),
  approveBefore: z.array(z.int()),
  probes: z.boolean(),
  gates: z.strictObject({
    failures: share,
    unreachable: share,
    errorRate: z.number(),
    p95ToPrediction: z.number(),
    p95ToPrevious: z.number(),
    memoryToPrevious: z.number(),
    throttled: z.number(),
    outputShift: z.number(),
    minSamples: z.int(),
  }),
});
export type RolloutPolicy = z.infer<typeof completePolicySchema>;

/** What the project says, completed by the defaults. */
export function completePolicy(fields: RolloutPolicyFields = {}): RolloutPolicy {
  const {gates = {}} = fields;
  return {
    waves: fields.waves ?? [1, '10%', '50%', '100%'],
    maxParallel: fields.maxParallel ?? 10,
    maxUnavailable: fields.maxUnavailable ?? '25%',
    soakMs: (fields.soakSeconds ?? 60) * 1000,
    patienceMs: (fields.patienceSeconds ?? 300) * 1000,
    confirmWithinMs: (fields.confirmWithinSeconds ?? 300) * 1000,
    approveBefore: fields.approveBefore ?? [],
    probes: fields.probes ?? true,
    gates: {
      failures: gates.failures ?? '2%',
      unreachable: gates.unreachable ?? '20%',
      errorRate: fractionFrom(gates.errorRate ?? '5%'),
      p95ToPrediction: gates.p95ToPrediction ?? 2,
      p95ToPrevious: gates.p95ToPrevious ?? 1.5,
      memoryToPrevious: gates.memoryToPrevious ?? 2,
      throttled: fractionFrom(gates.throttled ?? '50%'),
      outputShift: fractionFrom(gates.outputShift ?? '25%'),
      minSamples: gates.minSamples ?? 60,
    },
  };
}

/** How many of `total` a share is, before rounding. */
export function countOfShare(value: Share, total: number): number {
  return typeof value === 'number' ? Math.min(value, total) : (Number.parseFloat(value) / 100) * total;
}

function fractionFrom(value: number | string): number {
  return typeof value === 'number' ? value : Number.parseFloat(value) / 100;
}
