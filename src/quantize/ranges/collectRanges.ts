import type {Graph} from '../../model/graph.ts';
import type {ParameterOptions} from '../parametersFromRange.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import type {SampleRunner} from '../sampleRunner.ts';
import {collectHistograms} from './collectHistograms.ts';
import {measureExtremes, type SampleSpan} from './measureExtremes.ts';
import {rangeFromHistogram, type RangeMethod} from './rangeFromHistogram.ts';

export interface RangeOptions extends SampleSpan {
  /** What the tensors will be quantised to; 8 bits, asymmetric, where it is left out. */
  readonly activations?: ParameterOptions;
}

/**
 * The range of each tensor over the samples by one method. For several methods at once use collectHistograms and
 * rangeFromHistogram: the samples are then run once for all.
 * @throws ExpectedError `activation-not-finite`, and what the runner throws
 */
export async function collectRanges(
  graph: Graph,
  tensorNames: readonly string[],
  runner: SampleRunner,
  method: RangeMethod,
  {activations = {elementType: 'uint8', isSymmetric: false}, ...span}: RangeOptions = {},
): Promise<Map<string, TensorRange>> {
  if (method === 'min-max') return measureExtremes(graph, tensorNames, runner, span);
  const histograms = await collectHistograms(graph, tensorNames, runner, span);
  return new Map(
    [...histograms].map(([name, histogram]) => [name, rangeFromHistogram(histogram, method, activations)]),
  );
}
