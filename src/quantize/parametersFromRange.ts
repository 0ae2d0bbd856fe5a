import type {IntegerType} from '../documents/quantizationScheme.ts';
import {integerLimits, type LimitOptions} from './integerLimits.ts';
import type {QuantizationParameters, TensorRange} from './quantizationPlan.ts';
import {roundHalfEven} from './roundHalfEven.ts';

/** The smallest normal float32: a smaller scale would lose digits or become 0. */
export const SMALLEST_SCALE = 2 ** -126;

export interface ParameterOptions extends LimitOptions {
  readonly elementType: IntegerType;
}

/**
 * Scale and zero point with which integers represent a range of real values. The range is widened to hold 0, which has
 * to be exact: it pads convolutions. A range of (almost) no width gets scale 1.
 * @throws RangeError when the range is not finite or ends before it begins
 * @see onnxruntime/quantization/quant_utils.py, compute_scale_zp; Jacob et al., arXiv 1712.05877, section 3
 */
export function parametersFromRange(
  range: TensorRange,
  {elementType, ...limitOptions}: ParameterOptions,
): QuantizationParameters {
  if (!Number.isFinite(range.min) || !Number.isFinite(range.max) || range.min > range.max) {
    throw new RangeError(`no range: ${range.min} to ${range.max}`);
  }
  const {lowest, highest} = integerLimits(elementType, limitOptions);
  const {isSymmetric} = limitOptions;
  const largest = Math.max(-range.min, range.max, 0);
  const min = isSymmetric ? -largest : Math.min(range.min, 0);
  const max = isSymmetric ? largest : Math.max(range.max, 0);
  const scale = (max - min) / (highest - lowest);
  const isTooNarrow = scale < SMALLEST_SCALE;
  if (isSymmetric) {
    const zeroPoint = roundHalfEven((lowest + highest) / 2);
    return {elementType, scale: isTooNarrow ? 1 : Math.fround(scale), zeroPoint};
  }
  if (isTooNarrow) return {elementType, scale: 1, zeroPoint: 0};
  return {elementType, scale: Math.fround(scale), zeroPoint: roundHalfEven(lowest - min / scale)};
}

/** What the integers can express: the range that is left of `range` after clipping and rounding of its ends. */
export function rangeFromParameters(
  {elementType, scale, zeroPoint}: QuantizationParameters,
  limitOptions: LimitOptions,
): TensorRange {
  const {lowest, highest} = integerLimits(elementType, limitOptions);
  return {min: scale * (lowest - zeroPoint), max: scale * (highest - zeroPoint)};
}
