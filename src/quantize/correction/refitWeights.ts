import {addScaled, dot, solveInPlace} from './cholesky.ts';
import type {Moments} from './moments.ts';

/**
 * The real-valued weights that give the float layer's outputs y from the inputs x̂ of the quantised model best, held back
 * by the damping: argmin over V of E‖V·x̂ − y‖² + damping·Σ var(x̂ⱼ)·(V−W)ⱼ². Repairs what was lost upstream as far as one
 * layer can. `weights` is outputs×inputs.
 * @param factor Cholesky factor of the quadratic's matrix
 * @see Li et al., GPTAQ, arXiv 2504.02692 (the asymmetric objective)
 */
export function refitWeights(
  weights: Float32Array | Float64Array,
  moments: Moments,
  factor: Float64Array,
): Float64Array {
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
