import {addScaled, choleskyFactor} from '../correction/cholesky.ts';
import {symmetricInverse} from './symmetricInverse.ts';

/** Sparse tensor cores take four consecutive input channels at a time, of which two must be 0. */
export const QUAD = 4;

/**
 * The columns of each quad, of weight rows outputs×(channels·taps): four consecutive input channels at one place of the
 * kernel, as TensorRT wants them.
 * @see NVIDIA TensorRT documentation, Working with Sparsity; Mishra et al., arXiv 2104.08378
 */
export function quadColumns(channels: number, taps: number): number[][] {
  const quads: number[][] = [];
  for (let tap = 0; tap < taps; tap += 1) {
    for (let first = 0; first < channels; first += QUAD)
      quads.push(Array.from({length: QUAD}, (_, at) => (first + at) * taps + tap));
  }
  return quads;
}

/**
 * Sets two weights of every quad to 0, quad after quad: those whose loss the row's later weights can make up for best,
 * which they then do. `rows` is outputs×inputs and not changed. `null` when the matrix is not positive definite.
 * @param quadratic inputs×inputs: the inputs' covariance with a damped diagonal
 * @see Frantar and Alistarh, SparseGPT, arXiv 2301.00774, section 3 (semi-structured sparsity)
 */
export function sparsifyRows(
  rows: Float64Array,
  inputs: number,
  quads: readonly (readonly number[])[],
  quadratic: Float64Array,
): Float64Array | null {
  // Quads lie side by side in the order of elimination.
  const order = quads.flat();
  const permuted = new Float64Array(inputs * inputs);
  order.forEach((row, at) =>
    order.forEach((column, to) => (permuted[at * inputs + to] = quadratic[row * inputs + column] as number)),
  );
  const inverse = symmetricInverse(permuted, inputs);
  const upper = inverse && upperFactor(inverse, inputs);
  if (upper === null) return null;
  const sparse = new Float64Array(rows.length);
  const row = new Float64Array(inputs);
  for (let from = 0; from < rows.length; from += inputs) {
    order.forEach((column, at) => (row[at] = rows[from + column] as number));
    for (let first = 0; first < inputs; first += QUAD) {
      const places = Array.from({length: QUAD}, (_, at) => first + at);
      const scaled = (place: number): number =>
        Math.abs((row[place] as number) / (upper[place * inputs + place] as number));
      for (const place of smallestHalf(places, scaled)) {
        const at = place * inputs + place;
        const owed = (row[place] as number) / (upper[at] as number);
        addScaled(row, place, -owed, upper, at, inputs - place);
        row[place] = 0;
      }
    }
    order.forEach((column, at) => (sparse[from + column] = row[at] as number));
  }
  return sparse;
}

/** U with A = Uᵀ·U, row-major: the transpose of the Cholesky factor. */
function upperFactor(matrix: Float64Array, size: number): Float64Array | null {
  const factor = choleskyFactor(matrix, size);
  if (factor === null) return null;
  const upper = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1)
      upper[column * size + row] = factor[row * size + column] as number;
  }
  return upper;
}

/** Half of a quad, in its order: the places of the smallest sizes, the first of equal ones. */
function smallestHalf(quad: readonly number[], sizeOf: (place: number) => number): number[] {
  const gone = new Set(quad.toSorted((a, b) => sizeOf(a) - sizeOf(b)).slice(0, QUAD / 2));
  return quad.filter(place => gone.has(place));
}
