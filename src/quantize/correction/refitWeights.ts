import {addScaled, dot, solveInPlace} from './cholesky.ts';
import type {Moments} from './moments.ts';

/**
 * The quadratic form in which a layer's rounding is judged: (v−w)·A·(v−w)ᵀ for a row v of weights, with the input
 * covariance A, its diagonal enlarged by `damping` times itself.
 */
export interface Quadratic {
  readonly size: number;
  readonly matrix: Float64Array;
}

/** Inputs that never vary get this share of the mean variance: their weights then simply stay. */
const LEAST_VARIANCE_SHARE = 1e-6;

/** @param damping GPTQ takes 0.01 of the mean diagonal (Frantar et al., arXiv 2210.17323, section 3.3) */
export function quadraticFromMoments({covariance, inputs}: Moments, damping: number): Quadratic {
  const matrix = Float64Array.from(covariance);
  let trace = 0;
  for (let at = 0; at < inputs; at += 1) trace += matrix[at * inputs + at] as number;
  const least = Math.max((trace / inputs) * LEAST_VARIANCE_SHARE, Number.MIN_VALUE);
  for (let at = 0; at < inputs; at += 1) {
    const variance = Math.max(matrix[at * inputs + at] as number, least);
    matrix[at * inputs + at] = variance * (1 + damping);
  }
  return {size: inputs, matrix};
}

/**
 * The real-valued weights that give the float layer's outputs y from the inputs x̂ of the quantised model best, held back
 * by the damping: argmin over V of E‖V·x̂ − y‖² + damping·Σ var(x̂ⱼ)·(V−W)ⱼ². Repairs what was lost upstream as far as one
 * layer can. `weights` is outputs×inputs.
 * @param factor Cholesky factor of the quadratic's matrix
 * @see Li et al., GPTAQ, arXiv 2504.02692 (the asymmetric objective)
 */
export function refitWeights(weights: Float32Array, moments: Moments, factor: Float64Array): Float64Array {
  const {inputs, outputs, covariance, crossCovariance} = moments;
  const refitted = Float64Array.from(weights);
  const change = new Float64Array(inputs);
  for (let output = 0; output < outputs; output += 1) {
    const from = output * inputs;
    // W·C is symmetric in C: its rows serve as its columns.
    for (let at = 0; at < inputs; at += 1)
      change[at] =
        (crossCovariance[from + at] as number) - dot(refitted, from, covariance, at * inputs, inputs);
    solveInPlace(factor, inputs, change);
    addScaled(refitted, from, 1, change, 0, inputs);
  }
  return refitted;
}
