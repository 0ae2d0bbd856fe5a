import type {ParameterOptions} from '../parametersFromRange.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import type {Histogram} from './histogram.ts';
import {leastDivergenceRange} from './leastDivergenceRange.ts';
import {leastErrorRange} from './leastErrorRange.ts';
import {percentileRange} from './percentileRange.ts';
import {squaredError} from './squaredError.ts';

/** How much of a tensor's measured values its quantisation is to represent. */
export type RangeMethod =
  /** All of them. */
  | 'min-max'
  /** What makes the squared error of rounding and clipping least. */
  | 'mse'
  /** What keeps most of the distribution, by Kullback-Leibler divergence. */
  | 'entropy'
  /** This share of the values other than 0. */
  | {readonly percentile: number};

/** The range of a tensor by one method. */
export function rangeFromHistogram(
  histogram: Histogram,
  method: RangeMethod,
  options: ParameterOptions,
): TensorRange {
  if (method === 'min-max' || histogram.width === 0) return histogram.range;
  if (method === 'mse') return leastErrorRange(histogram, options);
  if (method === 'entropy') return leastDivergenceRange(histogram, options);
  return percentileRange(histogram, method.percentile);
}

/**
 * The one of several ranges with the least expected squared error of the tensor itself. A small error of a tensor does not
 * always mean a small one of the model's outputs: use it among candidates that do well there.
 */
export function chooseRange(
  histogram: Histogram,
  candidates: readonly TensorRange[],
  options: ParameterOptions,
): TensorRange {
  let best = histogram.range;
  let least = Infinity;
  for (const candidate of candidates) {
    const error = squaredError(histogram, candidate, options);
    if (error < least) [best, least] = [candidate, error];
  }
  return best;
}
