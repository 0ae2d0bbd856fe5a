import {SMALLEST_SCALE} from './parametersFromRange.ts';
import {roundHalfEven} from './roundHalfEven.ts';

/**
 * Half the range of int32. The other half is left to the products that are added to the bias: kernels accumulate in
 * int32 without a check, and 2^30 holds 33,000 products of 255 and 127.
 */
const LARGEST_BIAS = 2 ** 30;

/**
 * Per channel the smallest weight scale with which the bias, whose scale is input scale times weight scale, fits an int32
 * and its scale a float32. `channels` scales: 1 in all, or one per channel, repeated over the groups of a ConvTranspose.
 * @see onnxruntime/quantization/qdq_quantizer.py, _adjust_weight_scale_for_int32_bias; it leaves the sum no room
 */
export function smallestWeightScales(
  bias: Float32Array | null,
  inputScale: number,
  channels: number,
): Float32Array {
  const smallest = new Float32Array(channels).fill(SMALLEST_SCALE);
  bias?.forEach((value, index) => {
    const channel = index % channels;
    smallest[channel] = Math.max(smallest[channel] ?? 0, Math.abs(value) / LARGEST_BIAS);
  });
  return smallest.map(biasScale => roundUp(biasScale / inputScale));
}

/**
 * The bias in integers of scale input scale · weight scale (of the channel), zero point 0.
 * @throws RangeError when one does not fit; the weights were then not quantised with smallestWeightScales
 */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): {readonly values: Int32Array; readonly scales: Float32Array} {
  const scales = new Float32Array(weightScales.length === 1 ? 1 : bias.length);
  scales.forEach((_, index) => {
    scales[index] = (weightScales[index % weightScales.length] ?? 0) * inputScale;
  });
  const values = new Int32Array(bias.length);
  bias.forEach((value, index) => {
    const integer = roundHalfEven(value / (scales[index % scales.length] ?? 1));
    if (Math.abs(integer) > 2 * LARGEST_BIAS - 1)
      throw new RangeError(`bias ${value} is too large for its scale`);
    values[index] = integer;
  });
  return {values, scales};
}

/** The float32 next to a double that is not below it. */
function roundUp(value: number): number {
  const nearest = Math.fround(value);
  return nearest >= value ? nearest : Math.fround(nearest * (1 + 2 ** -23));
}
