/**
 * Lower triangle L of a symmetric positive definite matrix A = L·Lᵀ, row-major n×n; the upper triangle of the result is 0.
 * Only the lower triangle of A is read. `null` when A is not positive definite to working precision.
 * @see Golub and Van Loan, Matrix Computations, 4th edition, section 4.2
 */
export function choleskyFactor(matrix: Float64Array, size: number): Float64Array | null {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    const rowAt = row * size;
    for (let column = 0; column <= row; column += 1) {
      const columnAt = column * size;
      const rest = (matrix[rowAt + column] as number) - dot(factor, rowAt, factor, columnAt, column);
      if (column < row) factor[rowAt + column] = rest / (factor[columnAt + column] as number);
      else if (rest > 0 && Number.isFinite(rest)) factor[rowAt + row] = Math.sqrt(rest);
      else return null;
    }
  }
  return factor;
}

/** Solves A·x = b in place of b (`size` numbers from `from` on), given the factor of A. */
export function solveInPlace(factor: Float64Array, size: number, values: Float64Array, from = 0): void {
  for (let row = 0; row < size; row += 1) {
    const rest = (values[from + row] as number) - dot(factor, row * size, values, from, row);
    values[from + row] = rest / (factor[row * size + row] as number);
  }
  // Column by column of Lᵀ, which lie in memory as the rows of L.
  for (let row = size - 1; row >= 0; row -= 1) {
    const value = (values[from + row] as number) / (factor[row * size + row] as number);
    values[from + row] = value;
    addScaled(values, from, -value, factor, row * size, row);
  }
}

/** Σ a·b over `length` numbers. Four sums at once: a single one would wait for every addition before the next. */
export function dot(a: Float64Array, aFrom: number, b: Float64Array, bFrom: number, length: number): number {
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  let at = 0;
  for (; at + 3 < length; at += 4) {
    sum0 += (a[aFrom + at] as number) * (b[bFrom + at] as number);
    sum1 += (a[aFrom + at + 1] as number) * (b[bFrom + at + 1] as number);
    sum2 += (a[aFrom + at + 2] as number) * (b[bFrom + at + 2] as number);
    sum3 += (a[aFrom + at + 3] as number) * (b[bFrom + at + 3] as number);
  }
  for (; at < length; at += 1) sum0 += (a[aFrom + at] as number) * (b[bFrom + at] as number);
  return sum0 + sum1 + (sum2 + sum3);
}

/** target += factor · source, over `length` numbers. */
export function addScaled(
  target: Float64Array,
  targetFrom: number,
  factor: number,
  source: Float64Array,
  sourceFrom: number,
  length: number,
): void {
  for (let at = 0; at < length; at += 1) {
    target[targetFrom + at] =
      (target[targetFrom + at] as number) + factor * (source[sourceFrom + at] as number);
  }
}
