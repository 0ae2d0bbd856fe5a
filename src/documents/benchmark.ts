import type {PlanTotals} from './plan.ts';

/** What `edgewise bench --json` prints. */
export interface BenchmarkResult {
  readonly device: string;
  readonly release: string;
  readonly planFile: string | null;
  /** One request after the other, with pauses. */
  readonly latency: {
    readonly requests: number;
    readonly meanMs: number;
    readonly p50Ms: number;
    readonly p90Ms: number;
    readonly p99Ms: number;
    readonly mostMs: number;
    /** Medians of where it went. */
    readonly deviceMs: number;
    readonly linkMs: number;
    readonly cloudMs: number;
  };
  /** Several at a time, without pauses. */
  readonly throughput: {
    readonly concurrency: number;
    readonly seconds: number;
    readonly requestsPerSecond: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
  };
  /** Requests that got no answer, and those of `latency` that the device had to answer alone. */
  readonly failures: number;
  readonly aloneRequests: number;
  /**
   * Of the device, for one request: the declared power for as long as its layers ran, and the declared energy of the bytes.
   * `null` where the project declares no power.
   */
  readonly energyMillijoules: number | null;
  readonly predicted: PlanTotals | null;
  /** What the plan predicts for everything on the device, and everything in the cloud; `null` where it does not say. */
  readonly deviceOnlyMs: number | null;
  readonly cloudOnlyMs: number | null;
}
