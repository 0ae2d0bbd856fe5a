/** Second moments of a layer's inputs and of its outputs with them, about their means, divided by the count. */
export interface Moments {
  readonly count: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly inputMeans: Float64Array;
  readonly outputMeans: Float64Array;
  /** Of inputs with inputs, inputs×inputs, symmetric. */
  readonly covariance: Float64Array;
  /** Of outputs with inputs, outputs×inputs. */
  readonly crossCovariance: Float64Array;
}

export interface MomentSums {
  /** `inputRows` is count×inputs, `outputRows` count×outputs; more rows may follow in the arrays. */
  add(inputRows: Float32Array, outputRows: Float32Array, count: number): void;
  moments(): Moments;
}

/**
 * Adds up x̂·x̂ᵀ and y·x̂ᵀ in float64 over rows that come in portions. The first portion's means are taken off every row, so
 * that large means do not cost digits.
 */
export function startMoments(inputs: number, outputs: number): MomentSums {
  const squares = new Float64Array(inputs * inputs);
  const products = new Float64Array(outputs * inputs);
  const inputSums = new Float64Array(inputs);
  const outputSums = new Float64Array(outputs);
  const inputShift = new Float64Array(inputs);
  const outputShift = new Float64Array(outputs);
  let total = 0;

  return {
    add(inputRows, outputRows, count) {
      if (count === 0) return;
      if (total === 0) {
        meanRow(inputRows, inputs, count, inputShift);
        meanRow(outputRows, outputs, count, outputShift);
      }
      const x = shifted(inputRows, inputShift, count, inputSums);
      const y = shifted(outputRows, outputShift, count, outputSums);
      addSquares(squares, x, inputs, count);
      addProducts(products, y, outputs, x, inputs, count);
      total += count;
    },
    moments() {
      const inputMeans = inputSums.map(sum => sum / total);
      const outputMeans = outputSums.map(sum => sum / total);
      const covariance = new Float64Array(inputs * inputs);
      for (let row = 0; row < inputs; row += 1) {
        for (let column = 0; column <= row; column += 1) {
          const value =
            (squares[row * inputs + column] as number) / total -
            (inputMeans[row] as number) * (inputMeans[column] as number);
          covariance[row * inputs + column] = value;
          covariance[column * inputs + row] = value;
        }
      }
      const crossCovariance = products.map(
        (sum, at) =>
          sum / total -
          (outputMeans[Math.floor(at / inputs)] as number) * (inputMeans[at % inputs] as number),
      );
      for (let at = 0; at < inputs; at += 1) inputMeans[at] = (inputMeans[at] ?? 0) + (inputShift[at] ?? 0);
      for (let at = 0; at < outputs; at += 1)
        outputMeans[at] = (outputMeans[at] ?? 0) + (outputShift[at] ?? 0);
      return {count: total, inputs, outputs, inputMeans, outputMeans, covariance, crossCovariance};
    },
  };
}

function meanRow(rows: Float32Array, width: number, count: number, mean: Float64Array): void {
  for (let row = 0, at = 0; row < count; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1)
      mean[column] = (mean[column] as number) + (rows[at] as number) / count;
  }
}

/** The rows about `shift`, in groups of four rows with zero rows at the end, and their sum added to `sums`. */
function shifted(rows: Float32Array, shift: Float64Array, count: number, sums: Float64Array): Float64Array {
  const width = shift.length;
  const result = new Float64Array(4 * Math.ceil(count / 4) * width);
  for (let row = 0, at = 0; row < count; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1) {
      const value = (rows[at] as number) - (shift[column] as number);
      result[at] = value;
      sums[column] = (sums[column] as number) + value;
    }
  }
  return result;
}

/** Lower triangle of Σ xᵀx. Four rows at a time: each sum is then read and written once for four products. */
function addSquares(sums: Float64Array, rows: Float64Array, width: number, count: number): void {
  for (let first = 0; first < count; first += 4) {
    const at0 = first * width;
    const at1 = at0 + width;
    const at2 = at1 + width;
    const at3 = at2 + width;
    for (let row = 0; row < width; row += 1) {
      const a = rows[at0 + row] as number;
      const b = rows[at1 + row] as number;
      const c = rows[at2 + row] as number;
      const d = rows[at3 + row] as number;
      const sumAt = row * width;
      for (let column = 0; column <= row; column += 1) {
        sums[sumAt + column] =
          (sums[sumAt + column] as number) +
          a * (rows[at0 + column] as number) +
          b * (rows[at1 + column] as number) +
          c * (rows[at2 + column] as number) +
          d * (rows[at3 + column] as number);
      }
    }
  }
}

/** Σ yᵀx, four rows at a time. */
function addProducts(
  sums: Float64Array,
  left: Float64Array,
  leftWidth: number,
  right: Float64Array,
  width: number,
  count: number,
): void {
  for (let first = 0; first < count; first += 4) {
    const at0 = first * width;
    const at1 = at0 + width;
    const at2 = at1 + width;
    const at3 = at2 + width;
    const leftAt = first * leftWidth;
    for (let row = 0; row < leftWidth; row += 1) {
      const a = left[leftAt + row] as number;
      const b = left[leftAt + leftWidth + row] as number;
      const c = left[leftAt + 2 * leftWidth + row] as number;
      const d = left[leftAt + 3 * leftWidth + row] as number;
      const sumAt = row * width;
      for (let column = 0; column < width; column += 1) {
        sums[sumAt + column] =
          (sums[sumAt + column] as number) +
          a * (right[at0 + column] as number) +
          b * (right[at1 + column] as number) +
          c * (right[at2 + column] as number) +
          d * (right[at3 + column] as number);
      }
    }
  }
}
