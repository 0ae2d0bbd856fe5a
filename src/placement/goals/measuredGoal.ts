import type {Tier} from '../../documents/plan.ts';
import type {WeightRow} from '../measurements.ts';
import type {RefusalReason} from '../problemFromMeasurements.ts';
import type {Limit} from './goalSearch.ts';
import type {Restriction} from './restrictions.ts';
import type {Measure, Space} from './space.ts';

/** The question of one device over its tiers, in whole units: ns, nJ and 10⁻¹² of a currency. */
export interface MeasuredGoal {
  /** Without the restrictions. */
  readonly space: Space;
  readonly tiers: readonly Tier[];
  readonly restrictions: readonly Restriction[];
  readonly latency: Measure;
  /** What a request takes besides, wherever layers run. */
  readonly requestOverheadNs: number;
  /** `null`: not declared. */
  readonly energy: Measure | null;
  readonly money: Measure | null;
  readonly limits: readonly Limit[];
  /** Per tier. */
  readonly weights: readonly (readonly WeightRow[])[];
  readonly refusals: readonly {readonly reason: RefusalReason; readonly count: number}[];
}
