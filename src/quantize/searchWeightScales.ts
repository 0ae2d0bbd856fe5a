import {ROUNDING_TERM} from './roundHalfEven.ts';
import type {WeightLayout} from './weightLayout.ts';

/**
 * Clipping below half the largest weight never pays with 7 or 8 bits: optimal clipping of a normal distribution at 8 bits
 * is at 3.9 deviations (Banner et al., arXiv 1810.05723), and few weights are larger than twice that.
 */
const SMALLEST_FACTOR = 0.5;
/** Candidates over the whole way, then as many between the neighbours of the best. */
const STEPS = 12;

/**
 * Per channel the scale of least squared rounding and clipping error: candidates from half the largest weight up to all
 * of it, the best one then refined by least squares (s = Σwq / Σq² for its integers q), while the error falls.
 * @param largest largest magnitude per channel
 */
export function searchWeightScales(
  values: Float32Array,
  layout: WeightLayout,
  largest: Float32Array,
  highest: number,
): Float32Array {
  const {outer, channels, inner} = layout;
  const scales = new Float32Array(channels);
  const weights = new Float32Array(outer * inner);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let block = 0, at = 0; block < outer; block += 1, at += inner) {
      const from = (block * channels + channel) * inner;
      weights.set(values.subarray(from, from + inner), at);
    }
    scales[channel] = bestScale(weights, largest[channel] ?? 0, highest);
  }
  return scales;
}

function bestScale(weights: Float32Array, largest: number, highest: number): number {
  if (largest === 0) return 0;
  const widest = Math.fround(largest / highest);
  let best = fitAt(weights, widest, highest);
  let [from, to, bestFactor] = [SMALLEST_FACTOR, 1, 1];
  for (let round = 0; round < 2; round += 1) {
    const step = (to - from) / STEPS;
    for (let factor = from; factor < to; factor += step) {
      const fit = fitAt(weights, Math.fround(widest * factor), highest);
      if (fit.squaredError < best.squaredError) [best, bestFactor] = [fit, factor];
    }
    [from, to] = [Math.max(SMALLEST_FACTOR, bestFactor - step), Math.min(1, bestFactor + step)];
  }
  for (;;) {
    const refined = fitAt(weights, Math.fround(best.leastSquaresScale), highest);
    if (!(refined.squaredError < best.squaredError)) return best.scale;
    best = refined;
  }
}

interface Fit {
  readonly scale: number;
  readonly squaredError: number;
  /** The best scale for the integers that rounding at `scale` gave. */
  readonly leastSquaresScale: number;
}

function fitAt(weights: Float32Array, scale: number, highest: number): Fit {
  let squaredError = 0;
  let products = 0;
  let squares = 0;
  for (let at = 0; at < weights.length; at += 1) {
    const weight = weights[at] as number;
    let integer = Math.fround(weight / scale) + ROUNDING_TERM - ROUNDING_TERM;
    if (integer > highest) integer = highest;
    else if (integer < -highest) integer = -highest;
    const error = weight - integer * scale;
    squaredError += error * error;
    products += weight * integer;
    squares += integer * integer;
  }
  return {scale, squaredError, leastSquaresScale: squares === 0 ? scale : products / squares};
}
