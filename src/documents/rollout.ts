import {z} from 'zod';
import {headerOf, sha256Digest} from './header.ts';
import {completePolicySchema} from './rolloutPolicy.ts';

// A rollout's journal: what was set out to do, and one record for every thing that happened. Records are only ever
// appended. On disk it is one line of JSON for the head and one per record, so that a crash costs the last line at most.

const releaseId = z.string().regex(/^[0-9a-f]{16}$/);

const rolloutDevice = z.strictObject({
  device: z.string(),
  hardwareClass: z.string(),
  plan: sha256Digest,
  /** Counted from 1. */
  wave: z.int().positive(),
});

/**
 * How far a device is. `failed`: did not come up or answered wrongly, and is back on what it had. `lost`: went silent
 * after its switch, and goes back by itself. `deferred`: was not reachable before anything changed.
 */
const DEVICE_PHASES = [
  'waiting',
  'staged',
  'activated',
  'checked',
  'confirmed',
  'unchanged',
  'failed',
  'lost',
  'deferred',
  'reverted',
  'revert-failed',
] as const;
export type DevicePhase = (typeof DEVICE_PHASES)[number];

const GATES = [
  'failures',
  'unreachable',
  'serving',
  'error-rate',
  'p95-to-prediction',
  'p95-to-previous',
  'memory',
  'throttling',
  'output-shift',
] as const;

const gateResultSchema = z.strictObject({
  gate: z.enum(GATES),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  /** One sentence with the value and the limit. */
  reason: z.string(),
});
export type GateResult = z.infer<typeof gateResultSchema>;

const ROLLOUT_OUTCOMES = [
  'complete',
  'partial',
  'paused',
  'waiting-for-approval',
  'reverted',
  'revert-incomplete',
] as const;
export type RolloutOutcome = (typeof ROLLOUT_OUTCOMES)[number];

const rolloutRecordSchema = z.discriminatedUnion('record', [
  z.strictObject({
    record: z.literal('device'),
    at: z.iso.datetime(),
    device: z.string(),
    phase: z.enum(DEVICE_PHASES),
    release: releaseId.optional(),
    detail: z.string().optional(),
  }),
  z.strictObject({
    record: z.literal('gates'),
    at: z.iso.datetime(),
    wave: z.int().positive(),
    verdict: z.enum(['pass', 'fail', 'inconclusive']),
    results: z.array(gateResultSchema),
  }),
  z.strictObject({record: z.literal('approved'), at: z.iso.datetime(), wave: z.int().positive()}),
  z.strictObject({record: z.literal('stopped'), at: z.iso.datetime(), reason: z.string()}),
  z.strictObject({record: z.literal('resumed'), at: z.iso.datetime()}),
  z.strictObject({
    record: z.literal('ended'),
    at: z.iso.datetime(),
    outcome: z.enum(ROLLOUT_OUTCOMES),
    reason: z.string(),
  }),
]);
export type RolloutRecord = z.infer<typeof rolloutRecordSchema>;

export const rolloutSchema = z.strictObject({
  ...headerOf('edgewise/rollout'),
  /** From what is rolled out to whom, and how often that was tried: the same on every machine. */
  id: z.string(),
  policy: completePolicySchema,
  devices: z.array(rolloutDevice),
  records: z.array(rolloutRecordSchema),
});
export type Rollout = z.infer<typeof rolloutSchema>;

/** What a device keeps about the rollout it takes part in: enough to go on from anywhere. */
export const deviceRolloutSchema = z.strictObject({
  kind: z.literal('edgewise/device-rollout'),
  formatVersion: z.literal(1),
  rollout: z.string(),
  wave: z.int().positive(),
  release: releaseId.nullable(),
  phase: z.enum(DEVICE_PHASES),
  detail: z.string().nullable(),
  /** Waves that somebody let begin: not even a controller on another machine asks for that twice. */
  approvedWaves: z.array(z.int().positive()).optional(),
});
export type DeviceRollout = z.infer<typeof deviceRolloutSchema>;

/** What a rollout has come to: the `--json` of the rollout commands. */
export interface RolloutSummary {
  readonly id: string;
  readonly startedAt: string;
  /** `null` while it goes on, or when its controller died. */
  readonly outcome: RolloutOutcome | null;
  readonly reason: string | null;
  readonly waves: readonly {
    readonly wave: number;
    readonly devices: number;
    readonly verdict: GateResult['verdict'] | null;
    readonly gates: readonly GateResult[];
  }[];
  readonly devices: readonly {
    readonly device: string;
    readonly hardwareClass: string;
    readonly wave: number;
    readonly phase: DevicePhase;
    readonly release: string | null;
    readonly detail: string | null;
  }[];
}
