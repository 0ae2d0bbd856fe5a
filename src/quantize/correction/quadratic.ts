import type {Moments} from './moments.ts';

/**
 * The quadratic form in which a layer's rounding is judged: (v−w)·A·(v−w)ᵀ for a row v of weights, with the input
 * covariance A, its diagonal enlarged by `damping` times itself.
 */
export interface Quadratic {
  readonly size: number;
  readonly matrix: Float64Array;
}

/** Inputs that never vary get this share of the mean variance: their weights are then rounded by themselves. */
const LEAST_VARIANCE_SHARE = 1e-6;

/**
 * The form of a layer from what it reads.
 * @param damping GPTQ takes 0.01 of the mean diagonal (Frantar et al., arXiv 2210.17323, section 3.3)
 */
export function quadraticFromMoments({covariance, inputs}: Moments, damping: number): Quadratic {
  const matrix = Float64Array.from(covariance);
  const variances = Float64Array.from({length: inputs}, (_, at) => covariance[at * inputs + at] as number);
  dampedVariances(variances, damping).forEach((variance, at) => (matrix[at * inputs + at] = variance));
  return {size: inputs, matrix};
}

/** The diagonal of the form. */
export function dampedVariances(variances: Float64Array, damping: number): Float64Array {
  const least = leastVariance(variances);
  return variances.map(variance => Math.max(variance, least) * (1 + damping));
}

/** What a variance counts at least; where no input ever varies all weights count alike. */
export function leastVariance(variances: Float64Array): number {
  const trace = variances.reduce((sum, variance) => sum + variance, 0);
  return trace > 0 ? (trace / variances.length) * LEAST_VARIANCE_SHARE : 1;
}
