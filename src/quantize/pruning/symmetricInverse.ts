import {choleskyFactor, dot} from '../correction/cholesky.ts';

/**
 * Inverse of a symmetric positive definite matrix, row-major n×n: A⁻¹ = L⁻ᵀ·L⁻¹. `null` when it is not positive definite to
 * working precision. Only the lower triangle is read.
 * @see Golub and Van Loan, Matrix Computations, 4th edition, section 4.2
 */
export function symmetricInverse(matrix: Float64Array, size: number): Float64Array | null {
  const factor = choleskyFactor(matrix, size);
  if (factor === null) return null;
  // Row `column` holds a column of L⁻¹, so that the products below run along rows.
  const columns = new Float64Array(size * size);
  for (let column = 0; column < size; column += 1) {
    const at = column * size;
    for (let row = column; row < size; row += 1) {
      const rest =
        (row === column ? 1 : 0) - dot(factor, row * size + column, columns, at + column, row - column);
      columns[at + row] = rest / (factor[row * size + row] as number);
    }
  }
  const inverse = factor;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const value = dot(columns, row * size + row, columns, column * size + row, size - row);
      inverse[row * size + column] = value;
      inverse[column * size + row] = value;
    }
  }
  return inverse;
}
