import type {ParameterOptions} from '../parametersFromRange.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import type {Histogram} from './histogram.ts';
import {squaredError} from './squaredError.ts';

/** Candidates per end and round: at first over the whole range, then around the best. */
const STEPS = 32;
const REFINEMENTS = 2;

/**
 * The range with the least squared error of rounding and clipping. Each end in turn is moved towards 0 while the other
 * stays, until that no longer helps; symmetric ranges have one end.
 * @see Banner et al., arXiv 1810.05723 (clipping by formula); here by search over the measured distribution
 */
export function leastErrorRange(histogram: Histogram, options: ParameterOptions): TensorRange {
  const min = Math.min(histogram.range.min, 0);
  const max = Math.max(histogram.range.max, 0);
  const errorOf = (candidate: TensorRange): number => squaredError(histogram, candidate, options);
  if (options.isSymmetric) {
    const largest = Math.max(-min, max);
    return bestEnd(largest, end => ({min: Math.max(min, -end), max: Math.min(max, end)}), errorOf);
  }
  let best: TensorRange = {min, max};
  for (let error = errorOf(best); ;) {
    const above = bestEnd(max, end => ({min: best.min, max: end}), errorOf);
    const next = bestEnd(min, end => ({min: end, max: above.max}), errorOf);
    const nextError = errorOf(next);
    if (!(nextError < error)) return best;
    [best, error] = [next, nextError];
  }
}

/** The best of the ranges whose one end is a fraction of `outermost`. */
function bestEnd(
  outermost: number,
  rangeOf: (end: number) => TensorRange,
  errorOf: (range: TensorRange) => number,
): TensorRange {
  let best = rangeOf(outermost);
  if (outermost === 0) return best;
  let leastError = errorOf(best);
  let [from, to, bestFraction] = [0, 1, 1];
  for (let round = 0; round <= REFINEMENTS; round += 1) {
    const step = (to - from) / STEPS;
    for (let count = 0; count <= STEPS; count += 1) {
      const fraction = from + count * step;
      // A range of no width would not clip: it gets scale 1.
      if (fraction === 0) continue;
      const candidate = rangeOf(Math.fround(outermost * fraction));
      const error = errorOf(candidate);
      if (error < leastError) [best, leastError, bestFraction] = [candidate, error, fraction];
    }
    [from, to] = [Math.max(0, bestFraction - step), Math.min(1, bestFraction + step)];
  }
  return best;
}
