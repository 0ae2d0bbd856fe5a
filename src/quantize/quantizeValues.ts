import {integerLimits, type LimitOptions} from './integerLimits.ts';
import type {QuantizationParameters} from './quantizationPlan.ts';
import {roundHalfEven} from './roundHalfEven.ts';

/**
 * What QuantizeLinear makes of the values: a float32 quotient, rounded with ties to even, saturated.
 * @see https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
 */
export function quantizeValues(
  values: Float32Array,
  {elementType, scale, zeroPoint}: QuantizationParameters,
  limitOptions: LimitOptions = {isSymmetric: false},
): Int32Array {
  const {lowest, highest} = integerLimits(elementType, limitOptions);
  return Int32Array.from(values, value => {
    const integer = roundHalfEven(Math.fround(value / scale)) + zeroPoint;
    return Math.min(Math.max(integer, lowest), highest);
  });
}
