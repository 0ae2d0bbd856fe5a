import {choleskyFactor, dot} from '../correction/cholesky.ts';
import type {Moments} from '../correction/moments.ts';
import {quadraticFromMoments} from '../correction/quadratic.ts';
import {refitWeights} from '../correction/refitWeights.ts';

/** How a layer is fitted again: all its weights, its biases only, or not at all. */
export type FitKind = 'weights' | 'biases' | 'kept';

/**
 * How strongly refitted weights are drawn to the old ones, as shares of each input's variance; the best is taken. Decades
 * about the 0.01 that GPTQ takes (Frantar et al., arXiv 2210.17323, section 3.3).
 */
const DAMPINGS = [0.001, 0.01, 0.1, 1];

export interface FittedRows {
  readonly kind: FitKind;
  /** Outputs×inputs. */
  readonly weights: Float64Array;
  /** `null` where the layer's own stays. */
  readonly bias: Float64Array | null;
}

/**
 * Weights and biases that give the wanted outputs from the inputs there are: ridge regression towards the old weights. How
 * far the weights may move, and whether they may at all, is decided by the error on the held-out rows, which therefore
 * never grows.
 * @param bias one per output: what is kept if that is best
 */
export function fitRows(
  weights: Float32Array,
  bias: Float32Array,
  learned: Moments,
  heldOut: Moments,
): FittedRows {
  const old = Float64Array.from(weights);
  const asIs: FittedRows = {kind: 'kept', weights: old, bias: null};
  if (learned.count === 0) return asIs;
  const judge = heldOut.count > 0 ? heldOut : learned;
  const candidates: FittedRows[] = [{kind: 'biases', weights: old, bias: biasFor(learned, old)}];
  for (const damping of DAMPINGS) {
    const fitted = fitWeights(weights, learned, damping);
    if (fitted !== null) candidates.push({kind: 'weights', weights: fitted, bias: biasFor(learned, fitted)});
  }
  let best = asIs;
  let least = errorOf(judge, old, Float64Array.from(bias));
  for (const candidate of candidates) {
    const error = errorOf(judge, candidate.weights, candidate.bias ?? Float64Array.from(bias));
    if (error < least) [best, least] = [candidate, error];
  }
  return best;
}

function fitWeights(weights: Float32Array, moments: Moments, damping: number): Float64Array | null {
  const {matrix, size} = quadraticFromMoments(moments, damping);
  const factor = choleskyFactor(matrix, size);
  return factor === null ? null : refitWeights(weights, moments, factor);
}

/** With which the mean outputs are the wanted ones. */
function biasFor({inputs, inputMeans, outputMeans}: Moments, weights: Float64Array): Float64Array {
  return outputMeans.map((mean, output) => mean - dot(weights, output * inputs, inputMeans, 0, inputs));
}

/** Mean square of what the outputs miss, summed over the outputs, less their variance, which no weights can change. */
function errorOf(moments: Moments, weights: Float64Array, bias: Float64Array): number {
  const {inputs, outputs, covariance, crossCovariance} = moments;
  const means = biasFor(moments, weights);
  let error = 0;
  for (let output = 0; output < outputs; output += 1) {
    const from = output * inputs;
    error += ((bias[output] as number) - (means[output] as number)) ** 2;
    for (let row = 0; row < inputs; row += 1) {
      const weight = weights[from + row] as number;
      error += weight * dot(weights, from, covariance, row * inputs, inputs);
      error -= 2 * weight * (crossCovariance[from + row] as number);
    }
  }
  return error;
}
