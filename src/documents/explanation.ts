import type {Money} from './goals.ts';
import type {PlanOutlook} from './planOutlook.ts';
import type {PlanVerification} from './planVerification.ts';
import type {Envelope, LayerReason, Plan, PlanTotals, Tier} from './plan.ts';
import type {TierBuilds} from './tierBuilds.ts';

/** The data behind `edgewise explain`: why each layer is where it is, what else was possible, what would change the answer. */
export interface Explanation {
  readonly device: string;
  /** `null`: the project names no cloud. */
  readonly cloud: string | null;
  readonly chosen: {readonly name: string} & Pick<PlanTotals, 'latencyMs' | 'interval90'>;
  /** What was made as small as possible, and what each placement takes of it. */
  readonly goal: {readonly name: string; readonly unit: string; readonly amount: number};
  /** What the plan keeps to, and what it takes of each. */
  readonly limits: readonly {
    readonly name: string;
    readonly unit: string;
    readonly taken: number | null;
    readonly allowed: number;
  }[];
  /** Builds that tiers' layers are taken from, where not all are the fp32 one. */
  readonly builds?: TierBuilds;
  /** Neighbouring layers with the same tier and reason, in the plan's order. */
  readonly groups: readonly ExplainedGroup[];
  /** What goes over the link, with the time the plan charges for all of it. */
  readonly crossing: {
    readonly tensors: readonly {
      readonly name: string;
      readonly direction: 'up' | 'down';
      readonly bytes: number;
    }[];
    readonly linkMs: number;
  };
  readonly runnerUps: readonly RunnerUp[];
  /** With the chosen one, as the plan has them: where each one's time goes. */
  readonly alternatives: Plan['alternatives'];
  readonly changes: readonly AnswerChange[];
  /** `null`: there is no cloud, or the plan was made before plans had one. */
  readonly envelope: Envelope | null;
  /** Instead of the two: of plans for other goals, within limits or over a gateway. */
  readonly outlook?: PlanOutlook;
  /** Predicted beside measured, where the plan was decided by measuring. */
  readonly verified?: PlanVerification;
  /** Only where it was asked. */
  readonly whatIf?: WhatIfAnswer;
}

export interface ExplainedGroup {
  readonly layers: readonly string[];
  readonly tier: Tier;
  readonly reason: LayerReason;
  /** Predicted time of the group on the tier it was given. */
  readonly ms: number;
  /** Predicted time of the group on the other tier; `null` when it cannot run there. */
  readonly elsewhereMs: number | null;
}

export interface RunnerUp {
  readonly name: string;
  /** `null` together with `differenceMs` when this placement is not allowed. */
  readonly latencyMs: number | null;
  /** Of what the plan makes as small as possible, in the goal's unit; `null` when this placement is not allowed. */
  readonly amount: number | null;
  /** Slower than the chosen placement by this much; never negative. */
  readonly differenceMs: number | null;
  readonly reason: string;
}

/** The value of one measured quantity at which another placement becomes the best, everything else unchanged. */
export interface AnswerChange {
  readonly what:
    'up-bandwidth' | 'down-bandwidth' | 'link-bandwidth' | 'round-trip' | 'device-speed' | 'cloud-speed';
  readonly direction: 'above' | 'below';
  readonly threshold: number;
  readonly unit: 'bytes-per-second' | 'ms' | 'times';
  /** The quantity's value in the plan, in the same unit. */
  readonly current: number;
  /** The placement that wins past the threshold, such as `cloud-only`. */
  readonly becomes: string;
}

/** Quantities that are asked to differ from what was measured; the others stay. */
export interface WhatIf {
  /** Upward; the downward one changes in proportion. */
  readonly bandwidthBytesPerSecond?: number;
  /** Whose bandwidth and round trip are meant; left out: of the device's own link. */
  readonly link?: {readonly from: Tier; readonly to: Tier};
  readonly roundTripMs?: number;
  /** 2: every layer takes twice as long in the cloud. */
  readonly cloudSlower?: number;
  /** Of the cloud. */
  readonly pricePerHour?: Money;
}

export interface WhatIfPlacement {
  readonly name: string;
  readonly latencyMs: number;
  /** Of one request; only where a price was asked for. */
  readonly money?: Money;
  /** Of what the plan makes as small as possible; only where that is more than the latency over a device and a cloud. */
  readonly amount?: {readonly value: number; readonly unit: string};
}

export interface WhatIfAnswer {
  readonly asked: WhatIf;
  /** The plan's own where nothing keeps within its limits. */
  readonly best: WhatIfPlacement;
  /** What the plan's own placement would cost there. */
  readonly chosen: WhatIfPlacement;
  /** False where several quantities differ at once: then only placements that the plan knows are compared. */
  readonly isProven: boolean;
  /** By what share the best may lie below it where it is not proven; `null`: not known. Only where one quantity differs. */
  readonly offBy?: number | null;
  /** Only where nothing keeps within the plan's limits there. */
  readonly isFeasible?: false;
  /** The limits that the plan's own placement would not keep. */
  readonly breaks?: readonly string[];
  /** Only where the plan has a ceiling of money and a price was asked for: whether the plan still keeps it. */
  readonly keepsCeiling?: boolean;
}
