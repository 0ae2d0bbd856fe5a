import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Graph} from '../../model/graph.ts';
import type {QuantizationPlan, TensorRange} from '../quantizationPlan.ts';
import type {RunMode, SampleRunner} from '../sampleRunner.ts';

/** A quantisation that is being improved, and what to look at while doing so. */
export interface CorrectionTask {
  /** The float model. */
  readonly graph: Graph;
  readonly plan: QuantizationPlan;
  readonly scheme: QuantizationScheme;
  readonly ranges: ReadonlyMap<string, TensorRange>;
  readonly runner: SampleRunner;
  readonly mode: RunMode;
  /** The samples that are learned from: `from` up to but without `to`. */
  readonly from: number;
  readonly to: number;
}
