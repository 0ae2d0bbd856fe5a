import {roundHalfEven} from '../roundHalfEven.ts';
import {addScaled, choleskyFactor, dot} from './cholesky.ts';
import type {Quadratic} from './quadratic.ts';
import {limitWeight, type WeightLimits} from './weightLimits.ts';

export interface RoundedRow {
  readonly scale: number;
  readonly integers: Int8Array;
  /** (w−ŵ)·A·(w−ŵ)ᵀ */
  readonly error: number;
}

export interface Projections {
  readonly product: number;
  readonly square: number;
}

/** Sweeps of coordinate descent at most; on the layers measured it has settled after 3 to 6 (2026-11, resnet20, ad01). */
const MOST_SWEEPS = 20;
/**
 * In wider blocks descent from plain rounding is left out where that is the worse one before it: it never overtook the
 * successive one there (rows of 144 and 1,024 inputs that depend on their neighbours; of 16 inputs it is 3 % of the error;
 * 2026-11).
 */
const MOST_INPUTS_FROM_BOTH = 128;
/** How often the scale is fitted to the integers and these are found again. */
export const SCALE_ROUNDS = 2;

/**
 * Rounds rows of weights to integers within their limits so that the error in a quadratic form is small: successively,
 * each weight's error made up for by those still to come (the nearest-plane rule, which is what GPTQ computes), and each
 * by itself; from both by coordinate descent on single integers, of which the better is taken. So it is never worse than
 * plain rounding. The quadratic form is a list of blocks along the row; between them it is 0.
 * @see Frantar et al., GPTQ, arXiv 2210.17323; Nagel et al., AdaRound, arXiv 2004.10568, section 3 (the quadratic form)
 */
export class RowRounding {
  readonly #blocks: readonly BlockRounding[];

  /** @throws RangeError when a block is not positive definite */
  constructor(blocks: readonly Quadratic[], limits: WeightLimits) {
    let from = 0;
    this.#blocks = blocks.map(quadratic => {
      const block = new BlockRounding(quadratic, from, limits);
      from += quadratic.size;
      return block;
    });
  }

  /** With the scale of least squares for the integers, as far as `smallestScale` lets it. */
  roundWithScale(weights: Float32Array, startScale: number, smallestScale: number): RoundedRow {
    let best = this.round(weights, Math.max(startScale, smallestScale));
    for (let round = 0; round < SCALE_ROUNDS; round += 1) {
      const {product, square} = this.projections(weights, best.integers);
      const fitted = product > 0 && square > 0 ? product / square : best.scale;
      const next = this.round(weights, Math.max(fitted, smallestScale));
      if (next.error >= best.error) break;
      best = next;
    }
    return best;
  }

  round(weights: Float32Array, scale: number): RoundedRow {
    const exact = Math.fround(scale);
    const integers = new Int8Array(weights.length);
    const error = this.#blocks.reduce((sum, block) => sum + block.round(weights, exact, integers), 0);
    return {scale: exact, integers, error};
  }

  /** q·A·w and q·A·q: their ratio is the scale of least squares for these integers. */
  projections(weights: Float32Array, integers: Int8Array): Projections {
    const sums = this.#blocks.map(block => block.projections(weights, integers));
    return {
      product: sums.reduce((sum, {product}) => sum + product, 0),
      square: sums.reduce((sum, {square}) => sum + square, 0),
    };
  }
}

class BlockRounding {
  readonly #size: number;
  readonly #from: number;
  readonly #limits: WeightLimits;
  readonly #matrix: Float64Array;
  /** Lᵀ of the Cholesky factor, row by row. */
  readonly #upper: Float64Array;
  readonly #errors: Float64Array;
  /** A·(w−ŵ)ᵀ */
  readonly #gradient: Float64Array;

  constructor({size, matrix}: Quadratic, from: number, limits: WeightLimits) {
    const factor = choleskyFactor(matrix, size);
    if (factor === null)
      throw new RangeError(`the covariance of ${size} inputs is not positive definite to working precision`);
    this.#size = size;
    this.#from = from;
    this.#limits = limits;
    this.#matrix = matrix;
    this.#errors = new Float64Array(size);
    this.#gradient = new Float64Array(size);
    this.#upper = new Float64Array(size * size);
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column <= row; column += 1)
        this.#upper[column * size + row] = factor[row * size + column] as number;
    }
  }

  /** Writes this block's integers; gives its error. */
  round(weights: Float32Array, scale: number, integers: Int8Array): number {
    const row = weights.subarray(this.#from, this.#from + this.#size);
    const best = integers.subarray(this.#from, this.#from + this.#size);
    this.#roundSuccessively(row, scale, best, integers);
    const error = this.#descend(scale, best, integers);
    // Neither start is always the better one in small blocks.
    const plain = new Int8Array(this.#size);
    const undescended = this.#roundPlainly(row, scale, plain, integers);
    if (this.#size > MOST_INPUTS_FROM_BOTH && undescended >= error) return error;
    const plainError = this.#descend(scale, plain, integers);
    if (plainError < error) best.set(plain);
    return Math.min(error, plainError);
  }

  projections(weights: Float32Array, integers: Int8Array): Projections {
    const values = Float64Array.from(integers.subarray(this.#from, this.#from + this.#size));
    let [product, square] = [0, 0];
    for (let at = 0; at < this.#size; at += 1) {
      const curved = dot(this.#matrix, at * this.#size, values, 0, this.#size);
      product += (weights[this.#from + at] as number) * curved;
      square += (values[at] as number) * curved;
    }
    return {product, square};
  }

  #roundSuccessively(weights: Float32Array, scale: number, integers: Int8Array, row: Int8Array): void {
    const [size, upper, gradient] = [this.#size, this.#upper, this.#gradient];
    gradient.fill(0);
    for (let at = size - 1; at >= 0; at -= 1) {
      const diagonalAt = at * size + at;
      const owed = dot(upper, diagonalAt + 1, this.#errors, at + 1, size - at - 1);
      const weight = weights[at] as number;
      const diagonal = upper[diagonalAt] as number;
      const integer = this.#limit(roundHalfEven((weight + owed / diagonal) / scale), at, integers, row);
      const error = weight - integer * scale;
      integers[at] = integer;
      this.#errors[at] = error;
      // A = L·Lᵀ, and this is the place's share of Lᵀ·(w−ŵ)ᵀ.
      addScaled(gradient, at, diagonal * error + owed, upper, diagonalAt, size - at);
    }
  }

  /** Gives its error, too. */
  #roundPlainly(weights: Float32Array, scale: number, integers: Int8Array, row: Int8Array): number {
    const [size, matrix, errors] = [this.#size, this.#matrix, this.#errors];
    weights.forEach((weight, at) => {
      const integer = this.#limit(roundHalfEven(weight / scale), at, integers, row);
      integers[at] = integer;
      errors[at] = weight - integer * scale;
    });
    for (let at = 0; at < size; at += 1) this.#gradient[at] = dot(matrix, at * size, errors, 0, size);
    return dot(errors, 0, this.#gradient, 0, size);
  }

  /** Changes single integers while that lowers the error; errors and gradient are those of the integers. */
  #descend(scale: number, integers: Int8Array, row: Int8Array): number {
    const size = this.#size;
    const matrix = this.#matrix;
    const errors = this.#errors;
    const gradient = this.#gradient;
    for (let sweep = 0; sweep < MOST_SWEEPS; sweep += 1) {
      let hasChanged = false;
      for (let at = 0; at < size; at += 1) {
        const integer = integers[at] as number;
        const curvature = matrix[at * size + at] as number;
        const slope = gradient[at] as number;
        const wanted = integer + roundHalfEven(slope / (curvature * scale));
        const better = this.#limit(wanted, at, integers, row);
        if (better === integer) continue;
        const step = (integer - better) * scale;
        // Changes the error by step·(2·slope + step·curvature); a tie would go back and forth.
        if (step * (2 * slope + step * curvature) >= 0) continue;
        integers[at] = better;
        errors[at] = (errors[at] as number) + step;
        addScaled(gradient, 0, step, matrix, at * size, size);
        hasChanged = true;
      }
      if (!hasChanged) break;
    }
    return dot(errors, 0, gradient, 0, size);
  }

  /** @param integers of this block, `row` those of all blocks; both 0 where nothing is decided yet */
  #limit(wanted: number, at: number, integers: Int8Array, row: Int8Array): number {
    const partner = this.#limits.partners?.[this.#from + at] ?? -1;
    const ownPlace = partner - this.#from;
    const isOwn = ownPlace >= 0 && ownPlace < this.#size;
    const beside = partner < 0 ? 0 : isOwn ? integers[ownPlace] : row[partner];
    return limitWeight(wanted, beside as number, this.#limits);
  }
}
