import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {startMoments, type Moments} from '../../../../src/quantize/correction/moments.ts';
import {fitRows} from '../../../../src/quantize/pruning/fitRows.ts';
import {startFitSamples} from '../../../../src/quantize/pruning/startFitSamples.ts';
import {samplesFromMoments} from '../../../../src/quantize/pruning/fitSamplesOfMoments.ts';
import {LeastSquaresElimination} from '../../../../src/quantize/pruning/leastSquaresElimination.ts';
import {sparsifyRows, quadColumns} from '../../../../src/quantize/pruning/sparsifyRows.ts';
import {quadraticFromMoments} from '../../../../src/quantize/correction/quadratic.ts';
import {startNumbers} from './networks.ts';

const INPUTS = 8;
const OUTPUTS = 3;
const ROWS = 60;

/** Inputs that depend on each other, so that some can make up for others. */
function inputRows(seed: number, count = ROWS): Float32Array {
  const next = startNumbers(seed);
  const mix = startNumbers(99);
  const mixed = Array.from({length: INPUTS * INPUTS}, () => mix());
  const rows = new Float32Array(count * INPUTS);
  for (let row = 0; row < count; row += 1) {
    const free = Array.from({length: INPUTS}, () => next());
    for (let at = 0; at < INPUTS; at += 1) {
      const value = free.reduce((sum, each, from) => sum + each * mixed[at * INPUTS + from]!, 1);
      rows[row * INPUTS + at] = value + 0.05 * next();
    }
  }
  return rows;
}

const randomWeights = (seed: number): Float32Array =>
  Float32Array.from({length: OUTPUTS * INPUTS}, startNumbers(seed));

/** rows·Wᵀ + bias */
function outputsOf(rows: Float32Array, weights: ArrayLike<number>, bias: ArrayLike<number>): Float32Array {
  const count = rows.length / INPUTS;
  return Float32Array.from({length: count * OUTPUTS}, (_, at) => {
    const [row, output] = [Math.floor(at / OUTPUTS), at % OUTPUTS];
    let sum = bias[output]!;
    for (let input = 0; input < INPUTS; input += 1)
      sum += rows[row * INPUTS + input]! * weights[output * INPUTS + input]!;
    return sum;
  });
}

function momentsOf(rows: Float32Array, outputs: Float32Array = new Float32Array(0)): Moments {
  const sums = startMoments(INPUTS, (outputs.length / rows.length) * INPUTS);
  sums.add(rows, outputs, rows.length / INPUTS);
  return sums.moments();
}

/** Mean over the rows of the squared differences, summed over the outputs. */
function meanSquares(a: Float32Array, b: Float32Array): number {
  return (a.reduce((sum, value, at) => sum + (value - b[at]!) ** 2, 0) / a.length) * OUTPUTS;
}

/** Solves A·x = b by Gaussian elimination with pivoting. */
function solve(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at]!]);
  for (let column = 0; column < rows.length; column += 1) {
    const below = rows.slice(column).map(row => Math.abs(row[column]!));
    const pivot = column + below.indexOf(Math.max(...below));
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let row = 0; row < rows.length; row += 1) {
      if (row === column) continue;
      const factor = rows[row]![column]! / rows[column]![column]!;
      rows[row] = rows[row]!.map((value, at) => value - factor * rows[column]![at]!);
    }
  }
  return rows.map((row, at) => row.at(-1)! / row[at]!);
}

/** The weights of the kept inputs and a bias that reproduce the outputs best: normal equations over the rows themselves. */
function bestWithout(removed: readonly number[], rows: Float32Array, outputs: Float32Array): Float32Array {
  const kept = Array.from({length: INPUTS}, (_, at) => at).filter(at => !removed.includes(at));
  const count = rows.length / INPUTS;
  const design = Array.from({length: count}, (_, row) => [...kept.map(at => rows[row * INPUTS + at]!), 1]);
  const gram = design[0]!.map((_, a) =>
    design[0]!.map((__, b) => design.reduce((s, row) => s + row[a]! * row[b]!, 0)),
  );
  const predicted = new Float32Array(outputs.length);
  for (let output = 0; output < OUTPUTS; output += 1) {
    const right = design[0]!.map((_, a) =>
      design.reduce((sum, row, at) => sum + row[a]! * outputs[at * OUTPUTS + output]!, 0),
    );
    const solution = solve(gram, right);
    design.forEach((row, at) => {
      predicted[at * OUTPUTS + output] = row.reduce((sum, value, each) => sum + value * solution[each]!, 0);
    });
  }
  return predicted;
}

describe('eliminating inputs', () => {
  it('costs what the best weights for the others still miss, one after the other and together', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.uniqueArray(fc.nat(INPUTS - 1), {minLength: 1, maxLength: INPUTS - 1}),
        (seed, removed) => {
          const rows = inputRows(seed);
          const weights = randomWeights(seed + 1);
          const outputs = outputsOf(rows, weights, [1, 2, 3]);
          const elimination = LeastSquaresElimination.start(Float64Array.from(weights), momentsOf(rows), 0)!;
          let cost = 0;
          for (let at = 0; at < removed.length; at += 2) {
            const columns = removed.slice(at, at + 2);
            cost += elimination.cost(columns);
            elimination.remove(columns);
          }
          const left = elimination.weights();
          for (const column of removed)
            expect(left.filter((_, at) => at % INPUTS === column)).toEqual(new Float64Array(OUTPUTS));
          const expected = meanSquares(bestWithout(removed, rows, outputs), outputs);
          expect(cost).toBeCloseTo(expected, 4);
          expect(cost / Math.max(expected, 1e-3)).toBeCloseTo(expected / Math.max(expected, 1e-3), 2);
        },
      ),
    );
  });
});

describe('fitting a layer again', () => {
  it('never makes it worse on the samples it is held against, and helps where its inputs have changed', () => {
    let helped = 0;
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({min: 3, max: 20}), (seed, tenths) => {
        const weights = randomWeights(seed);
        const bias = Float32Array.from([0.5, -1, 0]);
        const [learned, heldOut] = [inputRows(seed + 1, 40), inputRows(seed + 2, 20)];
        const next = startNumbers(seed + 3);
        const shifts = Array.from({length: INPUTS}, () => (next() * tenths) / 10);
        const changed = (rows: Float32Array) =>
          rows.map((value, at) => value * (1 + shifts[at % INPUTS]!) + next() * 0.1);
        const wanted = [learned, heldOut].map(rows => outputsOf(rows, weights, bias));
        const given = [learned, heldOut].map(changed);
        const fitted = fitRows(
          weights,
          bias,
          samplesFromMoments(momentsOf(given[0]!, wanted[0])),
          samplesFromMoments(momentsOf(given[1]!, wanted[1])),
        );
        const before = meanSquares(outputsOf(given[1]!, weights, bias), wanted[1]!);
        const after = meanSquares(outputsOf(given[1]!, fitted.weights, fitted.bias ?? bias), wanted[1]!);
        expect(after).toBeLessThanOrEqual(before * (1 + 1e-4) + 1e-6);
        if (after < before / 2) helped += 1;
      }),
    );
    expect(helped).toBeGreaterThan(50);
  });

  it('leaves a layer alone whose inputs have not changed', () => {
    const [weights, bias] = [randomWeights(1), new Float32Array(OUTPUTS)];
    const [learned, heldOut] = [inputRows(2), inputRows(3)];
    const same = [learned, heldOut].map(rows =>
      samplesFromMoments(momentsOf(rows, outputsOf(rows, weights, bias))),
    );
    const {weights: fitted} = fitRows(weights, bias, same[0]!, same[1]!);
    fitted.forEach((value, at) => expect(value).toBeCloseTo(weights[at]!, 4));
  });

  it('gives the same from fewer rows than inputs, which it keeps, as from their second moments', () => {
    const few = INPUTS - 3;
    for (let seed = 1; seed <= 20; seed += 1) {
      const rows = inputRows(seed, few);
      // One input that never varies, and one that hardly does.
      for (let row = 0; row < few; row += 1) {
        rows[row * INPUTS] = 2;
        rows[row * INPUTS + 1] = row * 1e-5;
      }
      const weights = randomWeights(seed + 50);
      const outputs = Float32Array.from({length: few * OUTPUTS}, startNumbers(seed + 70));
      const sums = startFitSamples(INPUTS, OUTPUTS, few);
      sums.add(rows.subarray(0, 2 * INPUTS), outputs.subarray(0, 2 * OUTPUTS), 2);
      sums.add(rows.subarray(2 * INPUTS), outputs.subarray(2 * OUTPUTS), few - 2);
      const [kept, summed] = [sums.samples(), samplesFromMoments(momentsOf(rows, outputs))];
      expect(kept.count).toBe(few);
      const errors: number[] = [];
      for (const damping of [0.001, 0.01, 1]) {
        const [one, other] = [kept, summed].map(samples =>
          samples.ridge(Float64Array.from(weights), damping)!,
        );
        one!.forEach((value, at) => expect(value).toBeCloseTo(other![at]!, 6));
        const bias = kept.meanBias(one!);
        bias.forEach((value, at) => expect(value).toBeCloseTo(summed.meanBias(other!)[at]!, 6));
        errors.push(kept.error(one!, bias) - summed.error(one!, bias));
      }
      // They differ by the outputs' variance, whatever the weights.
      errors.forEach(difference => expect(difference).toBeCloseTo(errors[0]!, 8));
      expect(errors[0]).toBeGreaterThan(0);
    }
  });
});

describe('two of four', () => {
  it('leaves two weights of every quad, and misses less than zeroing the two smallest', () => {
    const total = {sparse: 0, smallest: 0};
    const quads = quadColumns(INPUTS, 1);
    for (let seed = 0; seed < 20; seed += 1) {
      const rows = inputRows(seed);
      const weights = randomWeights(seed + 1);
      const moments = momentsOf(rows);
      const sparse = sparsifyRows(
        Float64Array.from(weights),
        INPUTS,
        quads,
        quadraticFromMoments(moments, 0.01).matrix,
      )!;
      const smallest = Float32Array.from(weights);
      for (let output = 0; output < OUTPUTS; output += 1) {
        for (const quad of quads) {
          const places = quad.map(column => output * INPUTS + column);
          expect(places.filter(at => sparse[at] !== 0)).toHaveLength(2);
          places
            .toSorted((a, b) => Math.abs(weights[a]!) - Math.abs(weights[b]!))
            .slice(0, 2)
            .forEach(at => (smallest[at] = 0));
        }
      }
      const wanted = outputsOf(rows, weights, new Float32Array(OUTPUTS));
      const missed = (values: ArrayLike<number>): number => {
        const bias = Float32Array.from({length: OUTPUTS}, (_, output) =>
          moments.inputMeans.reduce(
            (sum, mean, at) => sum + (weights[output * INPUTS + at]! - values[output * INPUTS + at]!) * mean,
            0,
          ),
        );
        return meanSquares(outputsOf(rows, values, bias), wanted);
      };
      total.sparse += missed(sparse);
      total.smallest += missed(smallest);
    }
    expect(total.sparse).toBeLessThan(0.7 * total.smallest);
  });

  it('takes four consecutive input channels at one place of the kernel', () => {
    expect(quadColumns(8, 2)).toEqual([
      [0, 2, 4, 6],
      [8, 10, 12, 14],
      [1, 3, 5, 7],
      [9, 11, 13, 15],
    ]);
  });
});
