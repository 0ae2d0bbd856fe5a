import {addScaled, choleskyFactor, dot, solveInPlace} from '../correction/cholesky.ts';
import type {Moments} from '../correction/moments.ts';
import {quadraticFromMoments} from '../correction/quadratic.ts';
import {symmetricInverse} from './symmetricInverse.ts';

/** Columns that are out are dropped from the matrices when they are this share of them. */
const COMPACTION_SHARE = 0.2;

/**
 * Takes input columns out of one matrix product y = W·x, a few at a time, while those that stay make up for them: with B
 * the inverse of the input covariance, taking out the columns c costs tr(W_c·(B_cc)⁻¹·W_cᵀ), and W and B are then updated
 * exactly. Costs are mean squares of what all outputs together lose, with their means kept by the bias.
 * @see Hassibi and Stork, Optimal Brain Surgeon, NIPS 1992; Kurtic et al., ZipLM, arXiv 2302.04089, section 3 (for groups
 * of columns)
 */
export class LeastSquaresElimination {
  readonly #outputs: number;
  readonly #inputs: number;
  /** The columns that the matrices hold. */
  #held: Int32Array;
  #placeOf: Int32Array;
  #isOut: Uint8Array;
  #outCount = 0;
  /** Held columns × held columns. */
  #inverse: Float64Array;
  /** Outputs × held columns. */
  #weights: Float64Array;

  /** `null` when the covariance cannot be inverted: it holds values that are no numbers. */
  static start(weights: Float64Array, moments: Moments, damping: number): LeastSquaresElimination | null {
    const {matrix, size} = quadraticFromMoments(moments, damping);
    const inverse = symmetricInverse(matrix, size);
    return inverse === null ? null : new LeastSquaresElimination(weights, inverse, size);
  }

  private constructor(weights: Float64Array, inverse: Float64Array, inputs: number) {
    this.#inputs = inputs;
    this.#outputs = weights.length / inputs;
    this.#held = Int32Array.from({length: inputs}, (_, column) => column);
    this.#placeOf = this.#held.slice();
    this.#isOut = new Uint8Array(inputs);
    this.#inverse = inverse;
    this.#weights = weights.slice();
  }

  /** What taking these columns out, beside those that are out already, would add. */
  cost(columns: readonly number[]): number {
    const count = columns.length;
    const width = this.#held.length;
    const places = columns.map(column => this.#placeOf[column] as number);
    const factor = this.#blockFactor(places);
    const products = new Float64Array(count * count);
    for (let output = 0; output < this.#outputs; output += 1) {
      const at = output * width;
      for (let a = 0; a < count; a += 1) {
        const weight = this.#weights[at + (places[a] as number)] as number;
        if (weight === 0) continue;
        for (let b = 0; b < count; b += 1)
          products[a * count + b] =
            (products[a * count + b] as number) +
            weight * (this.#weights[at + (places[b] as number)] as number);
      }
    }
    let trace = 0;
    for (let a = 0; a < count; a += 1) {
      solveInPlace(factor, count, products, a * count);
      trace += products[a * count + a] as number;
    }
    return trace;
  }

  remove(columns: readonly number[]): void {
    const count = columns.length;
    const width = this.#held.length;
    const places = columns.map(column => this.#placeOf[column] as number);
    const factor = this.#blockFactor(places);
    // Rows of B at the columns, which change while they are used.
    const rows = places.map(place => this.#inverse.slice(place * width, (place + 1) * width));
    const solved = new Float64Array(count);
    const takeFrom = (matrix: Float64Array, from: number): void => {
      for (let at = 0; at < count; at += 1) solved[at] = matrix[from + (places[at] as number)] as number;
      solveInPlace(factor, count, solved);
      for (let at = 0; at < count; at += 1)
        addScaled(matrix, from, -(solved[at] as number), rows[at] as Float64Array, 0, width);
    };
    for (let output = 0; output < this.#outputs; output += 1) takeFrom(this.#weights, output * width);
    for (let row = 0; row < width; row += 1) {
      if (this.#isOut[this.#held[row] as number] === 0) takeFrom(this.#inverse, row * width);
    }
    for (const column of columns) this.#isOut[column] = 1;
    this.#outCount += count;
    if (this.#outCount >= COMPACTION_SHARE * width) this.#compact();
  }

  /** Rows of weights, outputs×inputs, for the columns that stay; those that are out are 0. */
  weights(): Float64Array {
    const result = new Float64Array(this.#outputs * this.#inputs);
    this.#held.forEach((column, place) => {
      if (this.#isOut[column] === 1) return;
      for (let output = 0; output < this.#outputs; output += 1)
        result[output * this.#inputs + column] = this.#weights[output * this.#held.length + place] as number;
    });
    return result;
  }

  #blockFactor(places: readonly number[]): Float64Array {
    const width = this.#held.length;
    const block = Float64Array.from(
      places.flatMap(a => places.map(b => this.#inverse[a * width + b] as number)),
    );
    const factor = choleskyFactor(block, places.length);
    if (factor !== null) return factor;
    // Rounding has eaten the smallest variances: what is left of the block are its diagonal's.
    const diagonal = new Float64Array(block.length);
    places.forEach((place, at) => {
      diagonal[at * places.length + at] = Math.sqrt(
        Math.max(this.#inverse[place * width + place] as number, Number.MIN_VALUE),
      );
    });
    return diagonal;
  }

  #compact(): void {
    const width = this.#held.length;
    const stay = this.#held.filter(column => this.#isOut[column] === 0);
    const places = stay.map(column => this.#placeOf[column] as number);
    const pick = (matrix: Float64Array, rows: Iterable<number>, rowCount: number): Float64Array => {
      const result = new Float64Array(rowCount * places.length);
      let at = 0;
      for (const row of rows) {
        for (const place of places) result[at++] = matrix[row * width + place] as number;
      }
      return result;
    };
    this.#inverse = pick(this.#inverse, places, places.length);
    this.#weights = pick(this.#weights, Array(this.#outputs).keys(), this.#outputs);
    this.#held = stay;
    this.#placeOf = new Int32Array(this.#inputs).fill(-1);
    stay.forEach((column, place) => (this.#placeOf[column] = place));
    this.#outCount = 0;
  }
}

/** Σ over outputs of the variance of W·x. */
export function outputEnergy(weights: Float64Array, {covariance, inputs}: Moments): number {
  let energy = 0;
  for (let from = 0; from < weights.length; from += inputs) {
    for (let row = 0; row < inputs; row += 1)
      energy += (weights[from + row] as number) * dot(weights, from, covariance, row * inputs, inputs);
  }
  return energy;
}
