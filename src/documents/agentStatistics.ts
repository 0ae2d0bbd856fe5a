import {z} from 'zod';

// What the agent has counted of one release since it began to serve it. JSON, told on the device's loopback.

/** Ratio of a bucket's upper edge to its lower one. */
const BUCKET_RATIO = 1.02;
const LOWEST_MS = 0.001;

/** How often a request took how long: bucket number to count. Buckets grow by 2 %, so a quantile is known to 2 %. */
const latencyHistogram = z.record(z.string().regex(/^\d+$/), z.int().positive());
export type LatencyHistogram = Readonly<Record<string, number>>;

export function bucketOfLatency(latencyMs: number): number {
  return Math.max(
    0,
    Math.floor(Math.log(Math.max(latencyMs, LOWEST_MS) / LOWEST_MS) / Math.log(BUCKET_RATIO)),
  );
}

/** The largest latency in ms that falls into a bucket. */
export function upperEdgeMs(bucket: number): number {
  return LOWEST_MS * BUCKET_RATIO ** (bucket + 1);
}

/** What the answers were: how often each class had the highest score. `null` for outputs that are no scores. */
const classCounts = z.record(z.string().regex(/^\d+$/), z.int().positive()).nullable();

/** Of a release that carries several cuts: which one serves, and what it rests on. */
const cutStatistics = z.looseObject({
  /** Its name. */
  serving: z.string(),
  moves: z.int().nonnegative(),
  /** Of the link upwards, by the last requests; `null` before any has told. */
  bytesPerSecond: z.number().nonnegative().nullable(),
  /** Requests by the cut that answered them. */
  requests: z.record(z.string(), z.int().positive()),
});
export type CutStatistics = z.infer<typeof cutStatistics>;

export const releaseStatisticsSchema = z.looseObject({
  release: z.string(),
  requests: z.int().nonnegative(),
  errors: z.int().nonnegative(),
  latency: latencyHistogram,
  classes: classCounts,
  /** Of the agent's process. */
  residentBytes: z.int().nonnegative(),
  servingMs: z.number().nonnegative(),
  /** How often the agent had to be started again with this release, reboots of the device not counted. */
  restarts: z.int().nonnegative(),
  /** Part of the looks at the processor that found it throttled; `null` where it does not say. */
  throttled: z.number().min(0).max(1).nullable(),
  /** Absent where the release has one cut. */
  cuts: cutStatistics.optional(),
});
export type ReleaseStatistics = z.infer<typeof releaseStatisticsSchema>;

export const agentStatisticsSchema = z.looseObject({
  kind: z.literal('edgewise/agent-statistics'),
  formatVersion: z.literal(1),
  current: releaseStatisticsSchema.nullable(),
  /** Of the release that this agent served before, to compare with. */
  previous: releaseStatisticsSchema.nullable(),
});
export type AgentStatistics = z.infer<typeof agentStatisticsSchema>;
