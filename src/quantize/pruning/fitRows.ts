import type {FitSamples} from './fitSamples.ts';

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
  learned: FitSamples,
  heldOut: FitSamples,
): FittedRows {
  const old = Float64Array.from(weights);
  const asIs: FittedRows = {kind: 'kept', weights: old, bias: null};
  if (learned.count === 0) return asIs;
  const judge = heldOut.count > 0 ? heldOut : learned;
  const candidates: FittedRows[] = [{kind: 'biases', weights: old, bias: learned.meanBias(old)}];
  for (const damping of DAMPINGS) {
    const fitted = learned.ridge(old, damping);
    if (fitted !== null) candidates.push({kind: 'weights', weights: fitted, bias: learned.meanBias(fitted)});
  }
  let best = asIs;
  let least = judge.error(old, Float64Array.from(bias));
  for (const candidate of candidates) {
    const error = judge.error(candidate.weights, candidate.bias ?? Float64Array.from(bias));
    if (error < least) [best, least] = [candidate, error];
  }
  return best;
}
