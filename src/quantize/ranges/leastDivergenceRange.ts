import {integerLimits} from '../integerLimits.ts';
import {parametersFromRange, type ParameterOptions} from '../parametersFromRange.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import {roundHalfEven} from '../roundHalfEven.ts';
import {middleOfBin, type Histogram} from './histogram.ts';

/**
 * The range whose quantised distribution tells most about the measured one: the least Kullback-Leibler divergence over
 * every threshold |x| ≤ T at a bin's edge that leaves at least as many bins as there are integers (with fewer, rounding
 * loses nothing that the bins show). The whole range when there are no such thresholds.
 * @see Migacz, 8-bit Inference with TensorRT, GTC 2017, pages 25 to 38
 */
export function leastDivergenceRange(histogram: Histogram, options: ParameterOptions): TensorRange {
  const sums = runningSums(histogram);
  let best = histogram.range;
  let least = Infinity;
  for (const candidate of thresholdRanges(histogram, options)) {
    const divergence = divergenceOf(histogram, sums, candidate, options);
    if (divergence < least) [best, least] = [candidate, divergence];
  }
  return best;
}

/** Widest first, so that among equally good ones the one that clips least is taken. */
export function* thresholdRanges(histogram: Histogram, options: ParameterOptions): Iterable<TensorRange> {
  const {range, width} = histogram;
  const {lowest, highest} = integerLimits(options.elementType, options);
  const largest = Math.max(-range.min, range.max);
  const steps = width === 0 ? 0 : Math.ceil(largest / width);
  for (let step = 0; step < steps; step += 1) {
    const threshold = largest - step * width;
    const candidate = {min: Math.max(range.min, -threshold), max: Math.min(range.max, threshold)};
    if (candidate.min > candidate.max) return;
    const {from, to} = insideBins(histogram, candidate);
    if (to - from < highest - lowest + 1) return;
    yield candidate;
  }
}

/** Over the bins before each one, and over all at the end. */
interface RunningSums {
  readonly counts: Float64Array;
  /** Bins with anything in them. */
  readonly filled: Float64Array;
  /** count · ln count */
  readonly logarithms: Float64Array;
}

function runningSums({counts}: Histogram): RunningSums {
  const sums = {
    counts: new Float64Array(counts.length + 1),
    filled: new Float64Array(counts.length + 1),
    logarithms: new Float64Array(counts.length + 1),
  };
  counts.forEach((count, bin) => {
    sums.counts[bin + 1] = (sums.counts[bin] as number) + count;
    sums.filled[bin + 1] = (sums.filled[bin] as number) + (count > 0 ? 1 : 0);
    sums.logarithms[bin + 1] = (sums.logarithms[bin] as number) + timesLogarithm(count);
  });
  return sums;
}

/**
 * Kullback-Leibler divergence, in nats, between the measured distribution with everything outside `range` counted into
 * its outermost bins, and the one that is left when the bins of each integer share what they have inside evenly.
 * Infinity when an integer stands for clipped values only.
 */
function divergenceOf(
  histogram: Histogram,
  sums: RunningSums,
  range: TensorRange,
  options: ParameterOptions,
): number {
  const {counts, width} = histogram;
  const {scale} = parametersFromRange(range, options);
  const {from, to} = insideBins(histogram, range);
  const all = sums.counts[counts.length] as number;
  const below = sums.counts[from] as number;
  const above = all - (sums.counts[to] as number);
  const inside = all - below - above;
  if (inside === 0) return Infinity;

  const added = new Map([[from, below]]);
  added.set(to - 1, (added.get(to - 1) ?? 0) + above);
  let logarithms = (sums.logarithms[to] as number) - (sums.logarithms[from] as number);
  for (const [bin, clipped] of added) {
    const count = counts[bin] as number;
    logarithms += timesLogarithm(count + clipped) - timesLogarithm(count);
  }
  const first = roundHalfEven(middleOfBin(histogram, from) / scale);
  const last = roundHalfEven(middleOfBin(histogram, to - 1) / scale);
  for (let integer = first, start = from; integer <= last; integer += 1) {
    const end = integer === last ? to : firstBinOf(integer + 1);
    const raw = (sums.counts[end] as number) - (sums.counts[start] as number);
    let filled = (sums.filled[end] as number) - (sums.filled[start] as number);
    let count = raw;
    for (const [bin, clipped] of added) {
      if (bin < start || bin >= end || clipped === 0) continue;
      count += clipped;
      if (counts[bin] === 0) filled += 1;
    }
    start = end;
    if (count === 0) continue;
    if (raw === 0) return Infinity;
    logarithms -= count * Math.log(raw / filled);
  }
  return logarithms / all - Math.log(all) + Math.log(inside);

  /** The first bin inside whose middle rounds to this integer or a larger one. */
  function firstBinOf(integer: number): number {
    const bin = Math.ceil(((integer - 0.5) * scale - histogram.range.min) / width - 0.5);
    return Math.min(Math.max(bin, from), to);
  }
}

function timesLogarithm(count: number): number {
  return count === 0 ? 0 : count * Math.log(count);
}

/** The bins whose middles lie inside the range: `from` up to but without `to`. */
function insideBins({range, width, counts}: Histogram, inside: TensorRange): {from: number; to: number} {
  const from = Math.ceil((inside.min - range.min) / width - 0.5);
  const to = Math.floor((inside.max - range.min) / width - 0.5) + 1;
  return {from: Math.max(0, from), to: Math.min(counts.length, to)};
}
