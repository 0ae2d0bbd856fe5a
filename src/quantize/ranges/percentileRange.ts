import type {TensorRange} from '../quantizationPlan.ts';
import type {Histogram} from './histogram.ts';

/**
 * The range that holds `percentile` percent of the values other than 0, the rest cut off in equal parts at both ends, or
 * at the one end where all values are on one side of 0. Linear inside a bin.
 */
export function percentileRange(histogram: Histogram, percentile: number): TensorRange {
  const {range, width, counts} = histogram;
  if (!(percentile > 0 && percentile <= 100)) throw new RangeError(`${percentile} percent`);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0 || width === 0) return range;
  const outside = (total * (100 - percentile)) / 100;
  // A range is widened to 0 anyway, so nothing is gained by cutting there.
  if (range.min >= 0)
    return {min: range.min, max: range.max - width * binsFromEnd(counts.toReversed(), outside)};
  if (range.max <= 0) return {min: range.min + width * binsFromEnd(counts, outside), max: range.max};
  return {
    min: Math.min(0, range.min + width * binsFromEnd(counts, outside / 2)),
    max: Math.max(0, range.max - width * binsFromEnd(counts.toReversed(), outside / 2)),
  };
}

/** How many bins from the start hold `wanted` values, with the fraction of the last one. */
function binsFromEnd(counts: Float64Array, wanted: number): number {
  let before = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    const count = counts[bin] as number;
    if (before + count > wanted) return bin + (wanted - before) / count;
    before += count;
  }
  return counts.length;
}
