import type {ParameterOptions} from '../parametersFromRange.ts';
import {integerLimits} from '../integerLimits.ts';
import {parametersFromRange} from '../parametersFromRange.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import {ROUNDING_TERM} from '../roundHalfEven.ts';
import type {Histogram} from './histogram.ts';

/**
 * The sum of squared errors, by rounding and by clipping, of all counted values when they are quantised over a range.
 * Values are taken as spread evenly over their bins, which adds a twelfth of its squared width to a bin's middle.
 */
export function squaredError(histogram: Histogram, range: TensorRange, options: ParameterOptions): number {
  const {counts, width} = histogram;
  const {lowest, highest} = integerLimits(options.elementType, options);
  const {scale, zeroPoint} = parametersFromRange(range, options);
  const [bottom, top] = [lowest - zeroPoint, highest - zeroPoint];
  const spread = (width * width) / 12;
  const first = histogram.range.min + width / 2;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    const count = counts[bin] as number;
    if (count === 0) continue;
    const value = first + bin * width;
    let integer = value / scale + ROUNDING_TERM - ROUNDING_TERM;
    if (integer < bottom) integer = bottom;
    else if (integer > top) integer = top;
    const error = value - integer * scale;
    sum += count * (error * error + spread);
  }
  return sum;
}
