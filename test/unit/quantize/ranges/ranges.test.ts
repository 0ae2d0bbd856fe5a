import {describe, expect, it} from 'vitest';
import {integerLimits} from '../../../../src/quantize/integerLimits.ts';
import {parametersFromRange, type ParameterOptions} from '../../../../src/quantize/parametersFromRange.ts';
import type {TensorRange} from '../../../../src/quantize/quantizationPlan.ts';
import {countValues, emptyHistogram, type Histogram} from '../../../../src/quantize/ranges/histogram.ts';
import {leastDivergenceRange} from '../../../../src/quantize/ranges/leastDivergenceRange.ts';
import {leastErrorRange} from '../../../../src/quantize/ranges/leastErrorRange.ts';
import {percentileRange} from '../../../../src/quantize/ranges/percentileRange.ts';
import {chooseRange, rangeFromHistogram} from '../../../../src/quantize/ranges/rangeFromHistogram.ts';
import {squaredError} from '../../../../src/quantize/ranges/squaredError.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {seededNumbers} from '../../../../src/documents/seededNumbers.ts';

const U8: ParameterOptions = {elementType: 'uint8', isSymmetric: false};
const S8: ParameterOptions = {elementType: 'int8', isSymmetric: true};

function extremesOf(values: Float32Array): TensorRange {
  return {min: Math.min(...values), max: Math.max(...values)};
}

function histogramOf(values: Float32Array, bins?: number): Histogram {
  const histogram = emptyHistogram(extremesOf(values), bins);
  countValues(histogram, values);
  return histogram;
}

/** What quantising and dequantising really does to the values. */
function errorOf(values: Float32Array, range: TensorRange, options: ParameterOptions): number {
  const {lowest, highest} = integerLimits(options.elementType, options);
  const {scale, zeroPoint} = parametersFromRange(range, options);
  return values.reduce((sum, value) => {
    const integer = Math.min(Math.max(Math.round(value / scale) + zeroPoint, lowest), highest);
    return sum + (value - (integer - zeroPoint) * scale) ** 2;
  }, 0);
}

/** A few values far outside the others, as activations have them. */
function longTailed(seed: number): Float32Array {
  const values = normalNumbers(20_000, seed);
  [5, -6, 7, -8].forEach((value, at) => (values[at * 7] = value * (1 + seed / 100)));
  return values;
}

const rectified = (values: Float32Array): Float32Array => values.map(value => Math.max(value, 0));

describe('a histogram', () => {
  it('counts every value once, the largest in the last bin', () => {
    const histogram = histogramOf(Float32Array.of(-1, -0.5, 0.5, 1, 1), 4);
    expect([...histogram.counts]).toEqual([1, 1, 0, 3]);
  });

  it('leaves out zeros, which cost nothing', () => {
    expect([...histogramOf(Float32Array.of(-1, 0, 0, 0, 1), 2).counts]).toEqual([1, 1]);
  });

  it('of a constant has one bin', () => {
    expect([...histogramOf(Float32Array.of(3, 3)).counts]).toEqual([2]);
    expect([...histogramOf(Float32Array.of(0, 0)).counts]).toEqual([0]);
  });
});

describe('percentiles', () => {
  it('cut equally at both ends', () => {
    const values = Float32Array.from({length: 20_001}, (_, at) => (at - 10_000) / 10_000);
    const {min, max} = percentileRange(histogramOf(values), 99);
    expect(min).toBeCloseTo(-0.99, 3);
    expect(max).toBeCloseTo(0.99, 3);
  });

  it('cut only at the far end of values on one side', () => {
    const values = Float32Array.from({length: 10_000}, (_, at) => (at + 1) / 10_000);
    const {min, max} = percentileRange(histogramOf(values), 99);
    expect(min).toBeCloseTo(1e-4, 6);
    expect(max).toBeCloseTo(0.99, 3);
    const below = percentileRange(histogramOf(values.map(value => -value)), 99);
    expect(below.min).toBeCloseTo(-0.99, 3);
    expect(below.max).toBeCloseTo(-1e-4, 6);
  });

  it('of 100 are the extremes', () => {
    const values = longTailed(3);
    expect(percentileRange(histogramOf(values), 100)).toEqual(extremesOf(values));
  });

  it.each([0, -1, 100.1, NaN])('%d is no percentile', percentile => {
    expect(() => percentileRange(histogramOf(longTailed(1)), percentile)).toThrow(RangeError);
  });
});

describe('the squared error told by a histogram', () => {
  it.each([
    ['the whole range', 1],
    ['half of it', 0.5],
    ['a fifth, clipping much', 0.2],
  ])('is that of the values, within 2 %%, for %s', (_, share) => {
    for (const [values, options] of [
      [longTailed(5), U8],
      [longTailed(6), S8],
      [rectified(longTailed(7)), U8],
    ] as const) {
      const {min, max} = extremesOf(values);
      const range = {min: min * share, max: max * share};
      const told = squaredError(histogramOf(values), range, options);
      const real = errorOf(values, range, options);
      expect(Math.abs(told / real - 1)).toBeLessThan(0.02);
    }
  });
});

describe('the range of least squared error', () => {
  it.each([1, 2, 3])('is within a hundredth of a search over a grid of 300 × 300 ranges (seed %d)', seed => {
    const histogram = histogramOf(longTailed(seed), 512);
    const found = squaredError(histogram, leastErrorRange(histogram, U8), U8);
    let best = Infinity;
    for (let low = 1; low <= 300; low += 1) {
      for (let high = 1; high <= 300; high += 1) {
        const range = {min: (histogram.range.min * low) / 300, max: (histogram.range.max * high) / 300};
        best = Math.min(best, squaredError(histogram, range, U8));
      }
    }
    expect(found).toBeLessThanOrEqual(best * 1.01);
  });

  it('clips values that are far outside, and is better for it', () => {
    const values = longTailed(4);
    const range = leastErrorRange(histogramOf(values), U8);
    expect(range.max).toBeLessThan(0.99 * Math.max(...values));
    expect(errorOf(values, range, U8)).toBeLessThan(errorOf(values, extremesOf(values), U8));
  });

  it('keeps evenly spread values whole', () => {
    const random = seededNumbers(9);
    const values = Float32Array.from({length: 50_000}, () => random() * 2 - 1);
    const {min, max} = leastErrorRange(histogramOf(values), U8);
    expect(min).toBeLessThan(-0.98);
    expect(max).toBeGreaterThan(0.98);
  });

  it('is symmetric as far as values reach, for symmetric integers', () => {
    const histogram = histogramOf(longTailed(8));
    const {min, max} = leastErrorRange(histogram, S8);
    const threshold = Math.max(-min, max);
    expect(min).toBe(Math.max(histogram.range.min, -threshold));
    expect(max).toBe(Math.min(histogram.range.max, threshold));
  });

  it('moves only the end that values have', () => {
    expect(leastErrorRange(histogramOf(rectified(longTailed(2))), U8).min).toBe(0);
  });
});

/** Divergence by its definition, bin by bin, for every threshold at a bin's edge; nothing shared with the search. */
function divergences(histogram: Histogram, options: ParameterOptions): {range: TensorRange; value: number}[] {
  const {range, width, counts} = histogram;
  const {lowest, highest} = integerLimits(options.elementType, options);
  const middles = Array.from(counts, (_, bin) => range.min + (bin + 0.5) * width);
  const largest = Math.max(-range.min, range.max);
  const found: {range: TensorRange; value: number}[] = [];
  for (let step = 0; step * width < largest; step += 1) {
    const threshold = largest - step * width;
    const kept = {min: Math.max(range.min, -threshold), max: Math.min(range.max, threshold)};
    const inside = middles.flatMap((middle, bin) => (middle >= kept.min && middle <= kept.max ? [bin] : []));
    if (inside.length < highest - lowest + 1) break;
    const {scale} = parametersFromRange(kept, options);
    const reference = new Map(inside.map(bin => [bin, counts[bin]!]));
    counts.forEach((count, bin) => {
      const edge = bin < inside[0]! ? inside[0]! : bin > inside.at(-1)! ? inside.at(-1)! : null;
      if (edge !== null) reference.set(edge, reference.get(edge)! + count);
    });
    const cells = new Map<number, number[]>();
    for (const bin of inside) {
      const integer = Math.round(middles[bin]! / scale);
      if (reference.get(bin)! > 0) cells.set(integer, [...(cells.get(integer) ?? []), bin]);
    }
    const spread = new Map(
      [...cells.values()].flatMap(bins => {
        const mean = bins.reduce((sum, bin) => sum + counts[bin]!, 0) / bins.length;
        return bins.map(bin => [bin, mean] as const);
      }),
    );
    const referenceSum = [...reference.values()].reduce((sum, value) => sum + value, 0);
    const spreadSum = [...spread.values()].reduce((sum, value) => sum + value, 0);
    let value = 0;
    for (const [bin, share] of spread) {
      const probability = reference.get(bin)! / referenceSum;
      value += probability * Math.log(probability / (share / spreadSum));
    }
    found.push({range: kept, value});
  }
  return found;
}

describe('the range of least divergence', () => {
  it.each([
    ['both signs, asymmetric', longTailed(11), U8],
    ['both signs, symmetric', longTailed(12), S8],
    ['one sign', rectified(longTailed(13)), U8],
  ] as const)('is the best of all thresholds, and not the whole range: %s', (_, values, options) => {
    const histogram = histogramOf(values, 1024);
    const all = divergences(histogram, options);
    expect(all.length).toBeGreaterThan(300);
    const least = Math.min(...all.map(({value}) => value));
    const range = leastDivergenceRange(histogram, options);
    const chosen = all.find(one => one.range.min === range.min && one.range.max === range.max);
    expect(chosen?.value).toBeCloseTo(least, 9);
    expect(range).not.toEqual(histogram.range);
  });

  it('is the whole range where there are more integers than bins', () => {
    const histogram = histogramOf(longTailed(14));
    expect(leastDivergenceRange(histogram, {elementType: 'uint16', isSymmetric: false})).toEqual(
      histogram.range,
    );
  });
});

describe('every method', () => {
  const METHODS = ['min-max', 'mse', 'entropy', {percentile: 99.9}] as const;

  it.each(METHODS.map(method => [JSON.stringify(method), method] as const))(
    '%s takes tensors of zeros, of one value, and with one value beside zeros',
    (_, method) => {
      expect(rangeFromHistogram(histogramOf(new Float32Array(9)), method, U8)).toEqual({min: 0, max: 0});
      expect(rangeFromHistogram(histogramOf(new Float32Array(9).fill(3)), method, U8)).toEqual({
        min: 3,
        max: 3,
      });
      const {min, max} = rangeFromHistogram(histogramOf(Float32Array.of(0, 0, 5, 0)), method, U8);
      expect(min).toBeLessThanOrEqual(0);
      expect(max).toBeGreaterThan(4.9);
    },
  );

  it.each(METHODS.map(method => [JSON.stringify(method), method] as const))(
    '%s gives a range inside the measured one',
    (_, method) => {
      const histogram = histogramOf(longTailed(21));
      const {min, max} = rangeFromHistogram(histogram, method, U8);
      expect(min).toBeGreaterThanOrEqual(histogram.range.min);
      expect(max).toBeLessThanOrEqual(histogram.range.max);
      expect(min).toBeLessThan(max);
    },
  );

  it('can be held against each other by the error of the tensor', () => {
    const histogram = histogramOf(longTailed(22));
    const candidates = METHODS.map(method => rangeFromHistogram(histogram, method, U8));
    const chosen = chooseRange(histogram, candidates, U8);
    const least = Math.min(...candidates.map(range => squaredError(histogram, range, U8)));
    expect(squaredError(histogram, chosen, U8)).toBe(least);
    expect(chosen).not.toEqual(histogram.range);
  });
});
