import type {PlanTotals} from './plan.ts';

/** What `edgewise infer --json` prints. */
export interface InferResult {
  readonly device: string;
  readonly release: string;
  readonly requests: number;
  readonly samples: number;
  /** Medians over the requests, as the device's endpoint reports them; absent parts did not run. */
  readonly measured: MeasuredLatency;
  readonly predicted: PlanTotals | null;
  readonly planFile: string | null;
  readonly outputs: readonly {
    readonly name: string;
    readonly elementType: string;
    readonly shape: readonly number[];
  }[];
  readonly outputFiles: readonly string[];
  readonly accuracy: {readonly metric: 'top-1'; readonly value: number; readonly samples: number} | null;
}

export interface MeasuredLatency {
  readonly totalMs: number;
  readonly p95Ms: number;
  readonly headMs: number | null;
  readonly linkMs: number | null;
  readonly tailMs: number | null;
  /** Where a gateway takes part: what ran on each tier, the device first, and the rest of the calls over each link. */
  readonly tiers: readonly {readonly tier: string; readonly ms: number}[];
  readonly links: readonly {readonly from: string; readonly to: string; readonly ms: number}[];
  /** Requests that the device had to answer alone, because others gave no answer. */
  readonly aloneRequests: number;
  /** The same request as this machine sees it, through the SSH connection, without pauses. */
  readonly seenFromHereMs: number;
}
