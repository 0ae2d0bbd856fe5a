/**
 * A placement question over any number of tiers as plain numbers. Tier 0 is where inputs start and outputs end, the last
 * one is the furthest cloud. Times are integer nanoseconds, because floating-point capacities give wrong cuts.
 */
export interface TierProblem {
  readonly tierCount: number;
  readonly layers: readonly TierLayer[];
  readonly tensors: readonly TierTensor[];
  /** At most one between two tiers. Where none joins two tiers directly, what goes between them is relayed. */
  readonly links: readonly TierLink[];
  /** What the weights on each tier may take; `null`: no limit. */
  readonly memoryBytes: readonly (number | null)[];
  /** `one-way`: what layers read only ever goes up; `two-way`: up and down. Outputs return to tier 0 in both. */
  readonly direction: 'one-way' | 'two-way';
}

export interface TierLayer {
  readonly name: string;
  /** One per tier; `null`: cannot run there. */
  readonly timesNs: readonly (number | null)[];
  readonly weightBytes: number;
  /** The tiers that it may run on besides what `timesNs` says; left out: all. */
  readonly allowedTiers?: readonly number[];
}

export interface TierTensor {
  readonly name: string;
  readonly bytes: number;
  /** Index into `layers`; `null` for a model input, which starts on tier 0. */
  readonly producer: number | null;
  /** Indices into `layers`, each once. */
  readonly consumers: readonly number[];
  /** Must be on tier 0 in the end. */
  readonly isOutput: boolean;
  /** Whole nanoseconds per link; where they are left out the links tell them by the byte. */
  readonly upNs?: readonly number[];
  readonly downNs?: readonly number[];
}

/** A tensor pays once for each link and direction that it takes, however many layers read it behind that link. */
export interface TierLink {
  readonly from: number;
  /** Above `from`. */
  readonly to: number;
  /** Of a tensor, rounded to whole nanoseconds tensor by tensor. */
  readonly upNsPerByte: number;
  readonly downNsPerByte: number;
  /** Paid once when anything crosses the link, in whichever direction. */
  readonly roundTripNs: number;
}

/** `throughput`: the busiest tier or link takes as little as possible; requests follow each other without waiting. */
export type TierObjective = 'latency' | 'throughput';

export interface TierCrossing {
  /** Index into `tensors`. */
  readonly tensor: number;
  /** Index into `links`. */
  readonly link: number;
  readonly direction: 'up' | 'down';
}

export interface TierCost {
  /** All layers, all crossings and the round trips of the links used, one after the other. */
  readonly latencyNs: number;
  /** The busiest tier, or link: its crossings both ways, without the round trip, during which it is free. */
  readonly bottleneckNs: number;
  readonly bytes: number;
  readonly crossings: readonly TierCrossing[];
}

export interface TierPlacement extends TierCost {
  /** One per layer. */
  readonly tiers: readonly number[];
  /**
   * Of the objective. `boundNs`: no placement is below it. `flowNs`: the flow, or the best bound of the search, that proves
   * this; `cutNs`: what this placement costs. Optimal when they are equal.
   */
  readonly certificate: {
    readonly isOptimal: boolean;
    readonly flowNs: number;
    readonly cutNs: number;
    readonly boundNs: number;
  };
}
