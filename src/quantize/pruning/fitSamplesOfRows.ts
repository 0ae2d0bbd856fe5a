import {addScaled, choleskyFactor, dot, solveInPlace} from '../correction/cholesky.ts';
import {dampedVariances, leastVariance} from '../correction/quadratic.ts';
import type {FitSamples, FitSums} from './fitSamples.ts';

/** Keeps rows as they come, in float64. */
export function startRows(inputs: number, outputs: number): FitSums {
  const inputRows: Float64Array[] = [];
  const outputRows: Float64Array[] = [];
  return {
    add(inputPart, outputPart, count) {
      for (let row = 0; row < count; row += 1) {
        inputRows.push(Float64Array.from(inputPart.subarray(row * inputs, (row + 1) * inputs)));
        outputRows.push(Float64Array.from(outputPart.subarray(row * outputs, (row + 1) * outputs)));
      }
    },
    samples: () => samplesFromRows(inputRows, outputRows, inputs, outputs),
  };
}

/**
 * Fitting from N rows by the dual form: with X the rows about their means, R what the old weights miss of the outputs, and
 * E the damping on its diagonal, the weights change by (XᵀX/N + E)⁻¹XᵀR/N = E⁻¹Xᵀ(N·I + XE⁻¹Xᵀ)⁻¹R, where the matrix
 * to be factored is N×N.
 * @see Saunders, Gammerman and Vovk, Ridge Regression Learning Algorithm in Dual Variables, ICML 1998
 */
function samplesFromRows(
  inputRows: readonly Float64Array[],
  outputRows: readonly Float64Array[],
  inputs: number,
  outputs: number,
): FitSamples {
  const count = inputRows.length;
  const [inputMeans, outputMeans] = [meanOf(inputRows, inputs), meanOf(outputRows, outputs)];
  const x = about(inputRows, inputMeans);
  const y = about(outputRows, outputMeans);
  const variances = new Float64Array(inputs);
  for (const row of x)
    row.forEach((value, at) => (variances[at] = (variances[at] ?? 0) + value ** 2 / count));
  const meanBias = (weights: Float64Array): Float64Array =>
    outputMeans.map((mean, output) => mean - dot(weights, output * inputs, inputMeans, 0, inputs));
  /** What one output misses, row by row. */
  const missed = (weights: Float64Array, output: number): Float64Array =>
    Float64Array.from(
      x,
      (row, at) => (y[at]?.[output] as number) - dot(weights, output * inputs, row, 0, inputs),
    );
  const kernel = startKernel(x, variances);
  return {
    count,
    meanBias,
    ridge(weights, damping) {
      const penalties = penaltiesOf(variances, damping);
      const factor = choleskyFactor(kernel(damping, penalties), count);
      if (factor === null) return null;
      const fitted = weights.slice();
      const change = new Float64Array(inputs);
      for (let output = 0; output < outputs; output += 1) {
        const solved = missed(weights, output);
        solveInPlace(factor, count, solved);
        change.fill(0);
        x.forEach((row, at) => addScaled(change, 0, solved[at] as number, row, 0, inputs));
        for (let at = 0; at < inputs; at += 1) {
          const place = output * inputs + at;
          fitted[place] = (fitted[place] as number) + (change[at] as number) / (penalties[at] as number);
        }
      }
      return fitted;
    },
    error(weights, bias) {
      const means = meanBias(weights);
      let error = 0;
      for (let output = 0; output < outputs; output += 1) {
        error += ((bias[output] as number) - (means[output] as number)) ** 2;
        const own = missed(weights, output);
        error += dot(own, 0, own, 0, count) / count;
      }
      return error;
    },
  };
}

/** What the form's diagonal has beyond the inputs' own variances. */
function penaltiesOf(variances: Float64Array, damping: number): Float64Array {
  return dampedVariances(variances, damping).map((damped, at) => damped - (variances[at] as number));
}

/**
 * N·I + XE⁻¹Xᵀ for a damping; lower triangle. Inputs that vary have penalties proportional to the damping, so that their
 * part is computed once.
 */
function startKernel(
  x: readonly Float64Array[],
  variances: Float64Array,
): (damping: number, penalties: Float64Array) => Float64Array {
  const count = x.length;
  const least = leastVariance(variances);
  const varying = columnsOf(variances, variance => variance >= least);
  // Inputs that are always the same have nothing to add.
  const hardly = columnsOf(variances, variance => variance > 0 && variance < least);
  const shared = squaresOf(scaledColumns(x, varying, at => 1 / Math.sqrt(variances[at] as number)));
  return (damping, penalties) => {
    const own = squaresOf(scaledColumns(x, hardly, at => 1 / Math.sqrt(penalties[at] as number)));
    return shared.map(
      (value, at) => value / damping + (own[at] as number) + (at % (count + 1) === 0 ? count : 0),
    );
  };
}

function columnsOf(variances: Float64Array, isWanted: (variance: number) => boolean): number[] {
  return [...variances.keys()].filter(at => isWanted(variances[at] as number));
}

function scaledColumns(
  rows: readonly Float64Array[],
  columns: readonly number[],
  factor: (column: number) => number,
): Float64Array[] {
  const factors = Float64Array.from(columns, factor);
  return rows.map(row => factors.map((scale, at) => scale * (row[columns[at] as number] as number)));
}

/** Lower triangle of ZZᵀ, row-major. */
function squaresOf(rows: readonly Float64Array[]): Float64Array {
  const squares = new Float64Array(rows.length ** 2);
  rows.forEach((row, at) => {
    for (let other = 0; other <= at; other += 1)
      squares[at * rows.length + other] = dot(row, 0, rows[other] as Float64Array, 0, row.length);
  });
  return squares;
}

function meanOf(rows: readonly Float64Array[], width: number): Float64Array {
  const mean = new Float64Array(width);
  for (const row of rows) addScaled(mean, 0, 1 / rows.length, row, 0, width);
  return mean;
}

function about(rows: readonly Float64Array[], mean: Float64Array): Float64Array[] {
  return rows.map(row => row.map((value, at) => value - (mean[at] as number)));
}
