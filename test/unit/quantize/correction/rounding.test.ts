import {describe, expect, it} from 'vitest';
import {startMoments, type Moments} from '../../../../src/quantize/correction/moments.ts';
import {quadraticFromMoments, type Quadratic} from '../../../../src/quantize/correction/quadratic.ts';
import {RowRounding} from '../../../../src/quantize/correction/roundRows.ts';
import {startScale} from '../../../../src/quantize/correction/startScale.ts';
import {roundHalfEven} from '../../../../src/quantize/roundHalfEven.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {seededNumbers} from '../../../../src/documents/seededNumbers.ts';

const HIGHEST = 127;
const DAMPING = 0.01;

/** Moments of rows in which each input is mostly the one before: as neighbouring places of a picture are. */
function correlatedMoments(inputs: number, seed: number, count = 400): Moments {
  const noise = normalNumbers(inputs * count, seed);
  const rows = new Float32Array(inputs * count);
  for (let row = 0; row < count; row += 1) {
    for (let at = 0; at < inputs; at += 1)
      rows[row * inputs + at] =
        (at === 0 ? 0 : 0.9 * rows[row * inputs + at - 1]!) + noise[row * inputs + at]!;
  }
  const sums = startMoments(inputs, 0);
  sums.add(rows, new Float32Array(0), count);
  return sums.moments();
}

function errorOf(
  {size, matrix}: Quadratic,
  weights: Float32Array,
  integers: ArrayLike<number>,
  scale: number,
) {
  const errors = Array.from(weights, (weight, at) => weight - integers[at]! * Math.fround(scale));
  let sum = 0;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1)
      sum += errors[row]! * matrix[row * size + column]! * errors[column]!;
  }
  return sum;
}

function plainly(weights: Float32Array, scale: number): number[] {
  const exact = Math.fround(scale);
  return Array.from(weights, weight => Math.max(-HIGHEST, Math.min(HIGHEST, roundHalfEven(weight / exact))));
}

/** The least error of all ways to take one of the four integers next to each weight. */
function leastError(quadratic: Quadratic, weights: Float32Array, scale: number): number {
  const exact = Math.fround(scale);
  let least = Infinity;
  for (let choice = 0; choice < 4 ** weights.length; choice += 1) {
    const integers = Array.from(
      weights,
      (weight, at) => Math.floor(weight / exact) - 1 + (Math.floor(choice / 4 ** at) % 4),
    );
    least = Math.min(least, errorOf(quadratic, weights, integers, scale));
  }
  return least;
}

const ALONE = {highest: HIGHEST, partners: null};

describe('rounding rows of weights', () => {
  it('says the error that its integers have', () => {
    const quadratic = quadraticFromMoments(correlatedMoments(9, 2), DAMPING);
    const weights = normalNumbers(9, 3);
    const {error, integers, scale} = new RowRounding([quadratic], ALONE).round(weights, 0.05);
    expect(error).toBeCloseTo(errorOf(quadratic, weights, integers, scale), 10);
  });

  it('never has a larger error than rounding each weight by itself, and six tenths of it on average', () => {
    const ratios: number[] = [];
    for (let seed = 1; seed <= 300; seed += 1) {
      const size = 2 + (seed % 15);
      const quadratic = quadraticFromMoments(correlatedMoments(size, seed, 60), DAMPING);
      const rounding = new RowRounding([quadratic], ALONE);
      for (const scale of [0.5, 0.05, 0.02]) {
        const weights = normalNumbers(size, 1000 + seed);
        const plain = errorOf(quadratic, weights, plainly(weights, scale), scale);
        const {error} = rounding.round(weights, scale);
        expect(error, `seed ${seed}, scale ${scale}`).toBeLessThanOrEqual(plain * (1 + 1e-9));
        ratios.push(error / plain);
      }
    }
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeLessThan(0.6);
  });

  it('is at most 30 % above the best integers that there are for rows of 3 to 5 weights, 1 % on average', () => {
    const ratios: number[] = [];
    for (let seed = 1; seed <= 100; seed += 1) {
      const size = 3 + (seed % 3);
      const quadratic = quadraticFromMoments(correlatedMoments(size, seed, 60), DAMPING);
      const weights = normalNumbers(size, 2000 + seed);
      const {error} = new RowRounding([quadratic], ALONE).round(weights, 0.05);
      ratios.push(error / leastError(quadratic, weights, 0.05));
    }
    expect(Math.max(...ratios)).toBeLessThan(1.3);
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeLessThan(1.01);
    // No choice beyond the four integers next to each weight was needed to come that far.
    expect(Math.min(...ratios)).toBeGreaterThan(0.999);
  });

  it('keeps to the integers that there are', () => {
    const quadratic = quadraticFromMoments(correlatedMoments(8, 1), DAMPING);
    const weights = normalNumbers(8, 1).map(value => value * 100);
    const {integers} = new RowRounding([quadratic], {highest: 64, partners: null}).round(weights, 0.5);
    expect(Math.max(...integers)).toBeLessThanOrEqual(64);
    expect(Math.min(...integers)).toBeGreaterThanOrEqual(-64);
  });

  it('keeps pairs within 16 bits, and so finds finer scales than with half of the range', () => {
    const partners = Int32Array.from({length: 12}, (_, at) => at ^ 1);
    const ratios: number[] = [];
    for (let seed = 1; seed <= 100; seed += 1) {
      const quadratics = [8, 4].map(size => quadraticFromMoments(correlatedMoments(size, seed), DAMPING));
      const variances = quadratics.flatMap(({size, matrix}) =>
        Array.from({length: size}, (_, at) => matrix[at * size + at]!),
      );
      const weights = normalNumbers(12, 3000 + seed);
      const errors = [
        {highest: 64, partners: null},
        {highest: 127, partners},
      ].map(limits => {
        const start = startScale(weights, variances, limits);
        const {integers, error} = new RowRounding(quadratics, limits).roundWithScale(weights, start, 0);
        integers.forEach((integer, at) => {
          const beside = integers[partners[at]!]!;
          expect(Math.abs(integer)).toBeLessThanOrEqual(limits.highest);
          expect(255 * (Math.max(integer, 0) + Math.max(beside, 0))).toBeLessThanOrEqual(32_767);
          expect(255 * (Math.min(integer, 0) + Math.min(beside, 0))).toBeGreaterThanOrEqual(-32_768);
        });
        return error;
      });
      ratios.push(errors[1]! / errors[0]!);
    }
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeLessThan(0.6);
  });

  it('rounds each weight by itself where no input depends on another', () => {
    const size = 6;
    const matrix = Float64Array.from({length: size * size}, (_, at) => (at % (size + 1) === 0 ? 2 : 0));
    const weights = normalNumbers(size, 4);
    const {integers} = new RowRounding([{size, matrix}], ALONE).round(weights, 0.03);
    expect([...integers]).toEqual(plainly(weights, 0.03));
  });

  it('rounds each weight by itself where no input ever varies', () => {
    const sums = startMoments(4, 0);
    sums.add(new Float32Array(40).fill(3), new Float32Array(0), 10);
    const weights = normalNumbers(4, 4);
    const rounding = new RowRounding([quadraticFromMoments(sums.moments(), DAMPING)], ALONE);
    expect([...rounding.round(weights, 0.03).integers]).toEqual(plainly(weights, 0.03));
  });

  it('takes blocks one after the other', () => {
    const blocks = [5, 3].map(size => quadraticFromMoments(correlatedMoments(size, size), DAMPING));
    const weights = normalNumbers(8, 6);
    const whole = new RowRounding(blocks, ALONE).round(weights, 0.05);
    const parts = blocks.map((block, at) =>
      new RowRounding([block], ALONE).round(weights.slice(at * 5, at * 5 + block.size), 0.05),
    );
    expect([...whole.integers]).toEqual(parts.flatMap(({integers}) => [...integers]));
    expect(whole.error).toBeCloseTo(parts[0]!.error + parts[1]!.error, 10);
  });

  it('finds a scale that is better than the one it starts from, but none below the smallest', () => {
    const random = seededNumbers(1);
    for (let seed = 1; seed <= 30; seed += 1) {
      const quadratic = quadraticFromMoments(correlatedMoments(6, seed), DAMPING);
      const rounding = new RowRounding([quadratic], {highest: 7, partners: null});
      const weights = normalNumbers(6, 30 + seed);
      const start = (0.7 + 0.6 * random()) * (Math.max(...weights.map(Math.abs)) / 7);
      const fitted = rounding.roundWithScale(weights, start, 0);
      expect(fitted.error).toBeLessThanOrEqual(rounding.round(weights, start).error);
      expect(rounding.roundWithScale(weights, start, 2 * start).scale).toBeGreaterThanOrEqual(
        Math.fround(2 * start),
      );
    }
  });
});

describe('moments', () => {
  it('are those of the definition, however the rows come in portions and however large their means are', () => {
    const [inputs, outputs, count] = [5, 3, 50];
    const x = normalNumbers(inputs * count, 1).map(value => value + 1000);
    const y = normalNumbers(outputs * count, 2);
    const sums = startMoments(inputs, outputs);
    for (const [from, to] of [
      [0, 7],
      [7, 8],
      [8, 8],
      [8, count],
    ] as const)
      sums.add(x.subarray(from * inputs, to * inputs), y.subarray(from * outputs, to * outputs), to - from);
    const {covariance, crossCovariance, inputMeans, outputMeans} = sums.moments();
    const mean = (values: Float32Array, width: number, at: number): number =>
      values.reduce((sum, value, place) => sum + (place % width === at ? value / count : 0), 0);
    const joint = (one: Float32Array, width: number, at: number, other: number): number => {
      let sum = 0;
      for (let row = 0; row < count; row += 1)
        sum +=
          ((one[row * width + at]! - mean(one, width, at)) *
            (x[row * inputs + other]! - mean(x, inputs, other))) /
          count;
      return sum;
    };
    for (let other = 0; other < inputs; other += 1) {
      expect(inputMeans[other]).toBeCloseTo(mean(x, inputs, other), 8);
      for (let at = 0; at < inputs; at += 1)
        expect(covariance[at * inputs + other]).toBeCloseTo(joint(x, inputs, at, other), 8);
      for (let at = 0; at < outputs; at += 1)
        expect(crossCovariance[at * inputs + other]).toBeCloseTo(joint(y, outputs, at, other), 8);
    }
    for (let at = 0; at < outputs; at += 1) expect(outputMeans[at]).toBeCloseTo(mean(y, outputs, at), 8);
  });
});
