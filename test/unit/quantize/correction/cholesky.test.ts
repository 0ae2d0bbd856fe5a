import {describe, expect, it} from 'vitest';
import {addScaled, choleskyFactor, dot, solveInPlace} from '../../../../src/quantize/correction/cholesky.ts';
import {normalNumbers} from '../normalNumbers.ts';

/** BᵀB of a random matrix with a few more rows than columns: positive definite. */
function positiveDefinite(size: number, seed: number): Float64Array {
  const rows = size + 5;
  const b = normalNumbers(rows * size, seed);
  return Float64Array.from({length: size * size}, (_, at) => {
    const [one, other] = [Math.floor(at / size), at % size];
    let sum = 0;
    for (let row = 0; row < rows; row += 1) sum += b[row * size + one]! * b[row * size + other]!;
    return sum;
  });
}

describe('the Cholesky factor', () => {
  it.each([1, 2, 3, 7, 20, 33])('of a matrix of %i rows times its transpose is the matrix', size => {
    const matrix = positiveDefinite(size, size);
    const factor = choleskyFactor(matrix, size)!;
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) {
        expect(dot(factor, row * size, factor, column * size, size)).toBeCloseTo(
          matrix[row * size + column]!,
          9,
        );
        if (column > row) expect(factor[row * size + column]).toBe(0);
      }
    }
  });

  it('of the example of Wikipedia is the one given there', () => {
    // https://en.wikipedia.org/wiki/Cholesky_decomposition
    const matrix = Float64Array.of(4, 12, -16, 12, 37, -43, -16, -43, 98);
    expect([...choleskyFactor(matrix, 3)!]).toEqual([2, 0, 0, 6, 1, 0, -8, 5, 3]);
  });

  it('solves equations', () => {
    const size = 12;
    const matrix = positiveDefinite(size, 3);
    const wanted = Float64Array.from(normalNumbers(size, 9));
    // Numbers before and after the right side stay as they are.
    const values = new Float64Array(size + 2).fill(7);
    for (let row = 0; row < size; row += 1) values[1 + row] = dot(matrix, row * size, wanted, 0, size);
    solveInPlace(choleskyFactor(matrix, size)!, size, values, 1);
    wanted.forEach((value, at) => {
      expect(values[at + 1]).toBeCloseTo(value, 8);
    });
    expect([values[0], values[size + 1]]).toEqual([7, 7]);
  });

  it.each([
    ['that is not definite', [1, 2, 2, 1]],
    ['of zeros', [0, 0, 0, 0]],
    ['with NaN', [NaN, 0, 0, 1]],
    ['with infinite values', [Infinity, 0, 0, 1]],
  ])('does not exist for a matrix %s', (_, values) => {
    expect(choleskyFactor(Float64Array.from(values), 2)).toBeNull();
  });
});

describe('sums of products', () => {
  it.each([0, 1, 3, 4, 5, 11])('of %i numbers are right, from any place on', length => {
    const [a, b] = [Float64Array.from(normalNumbers(16, 1)), Float64Array.from(normalNumbers(16, 2))];
    let sum = 0;
    for (let at = 0; at < length; at += 1) sum += a[2 + at]! * b[3 + at]!;
    expect(dot(a, 2, b, 3, length)).toBeCloseTo(sum, 12);
  });

  it('are added in place', () => {
    const target = Float64Array.of(1, 1, 1, 1);
    addScaled(target, 1, 2, Float64Array.of(9, 3, 4), 1, 2);
    expect([...target]).toEqual([1, 7, 9, 1]);
  });
});
