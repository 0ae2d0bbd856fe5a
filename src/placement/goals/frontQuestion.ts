import type {Limit} from './goalSearch.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

/** What a front weighs: a quantity that adds up, or the busiest tier or link. */
export type FrontGoal = {readonly kind: 'sum'; readonly measure: Measure} | {readonly kind: 'busiest'};

export interface FrontQuestion {
  readonly space: Space;
  readonly latency: Measure;
  readonly requestOverheadNs: number;
  readonly limits: readonly Limit[];
  readonly goals: readonly [FrontGoal, FrontGoal];
  /** How many placements may be searched for at most; left out: all where they are few, else as many as fit into about ten seconds. */
  readonly mostCuts?: number;
}

/** Of the stretch from a point to the next: that nothing else is there, or only that nothing lies below the convex hull. */
export type StretchProof = 'all' | 'hull' | 'nothing';

export interface FrontPoint extends SpacePlacement {
  readonly amounts: readonly [number, number];
  /** On the convex hull: some weighted sum of both is the least here. */
  readonly isSupported: boolean;
  readonly toNext: StretchProof;
}

export interface ParetoFront {
  /** Ascending in the first, descending in the second; none that another is better than in one and as good in the other. */
  readonly points: readonly FrontPoint[];
  /** Every point is proven, and that there are no others. */
  readonly isComplete: boolean;
}
