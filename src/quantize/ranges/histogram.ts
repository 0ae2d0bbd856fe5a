import type {TensorRange} from '../quantizationPlan.ts';

/** How often a tensor had values of each size. Bin i covers min + i · width up to the next; the last one has its end. */
export interface Histogram {
  readonly range: TensorRange;
  readonly width: number;
  /** Values that are 0 are not among them: every quantised range represents 0 exactly. */
  readonly counts: Float64Array;
}

/** As many as TensorRT's and ONNX Runtime's calibrators use: 8 for each of 256 integers. */
export const BINS = 2048;

/** An empty histogram over a measured range; one bin when the range is a single value. */
export function emptyHistogram(range: TensorRange, bins: number = BINS): Histogram {
  const count = range.min < range.max ? bins : 1;
  return {range, width: (range.max - range.min) / count, counts: new Float64Array(count)};
}

/** Counts values, which lie within the histogram's range, into its bins. */
export function countValues({range, counts}: Histogram, values: Float32Array | Float64Array): void {
  const last = counts.length - 1;
  const {min} = range;
  const binsPerUnit = last === 0 ? 0 : counts.length / (range.max - min);
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (value === 0) continue;
    const bin = ((value - min) * binsPerUnit) | 0;
    const inside = bin > last ? last : bin;
    counts[inside] = (counts[inside] as number) + 1;
  }
}

/** The value that stands for a bin: its middle. */
export function middleOfBin({range, width}: Histogram, bin: number): number {
  return range.min + (bin + 0.5) * width;
}
