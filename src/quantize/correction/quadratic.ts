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
  let trace = 0;
  for (let at = 0; at < inputs; at += 1) trace += matrix[at * inputs + at] as number;
  // Where no input ever varies all weights count alike.
  const least = trace > 0 ? (trace / inputs) * LEAST_VARIANCE_SHARE : 1;
  for (let at = 0; at < inputs; at += 1) {
    const variance = Math.max(matrix[at * inputs + at] as number, least);
    matrix[at * inputs + at] = variance * (1 + damping);
  }
  return {size: inputs, matrix};
}
