import type {Tensor} from '../../documents/tensor.ts';
import {roundHalfEven} from '../roundHalfEven.ts';

export interface Requantization {
  readonly inputScale: number;
  /** One per channel, or one in all. */
  readonly weightScales: Float32Array;
  /** Per channel (or one in all), in units of input scale times weight scale. */
  readonly bias: Int32Array | null;
  /** `null`: the result stays float32. */
  readonly output: {readonly scale: number; readonly zeroPoint: number} | null;
  /** Per channel (or one in all), added to a float32 result. */
  readonly floatBias: Float32Array | null;
}

const LARGEST_BYTE = 255;

/**
 * What the kernels make of their sums, in float32 as they do: scale, clip, round half to even, add the zero point.
 * @param shape of the sums; the channels are axis 1 of a convolution and the last of a matrix
 * @see onnxruntime/core/mlas/lib/quantize.cpp, MlasRequantizeOutput; qlinearconv.cc, ComputeOutputScale
 */
export function requantizeSums(
  sums: Int32Array,
  shape: readonly number[],
  channelAxis: number,
  {inputScale, weightScales, bias, output, floatBias}: Requantization,
): Tensor {
  const fround = Math.fround;
  const channels = shape[channelAxis] ?? 1;
  const inner = shape.slice(channelAxis + 1).reduce((product, size) => product * size, 1);
  const scaleOf = (channel: number): number => {
    const product = fround(inputScale * (weightScales[weightScales.length === 1 ? 0 : channel] ?? 1));
    return output === null ? product : fround(product / output.scale);
  };
  const scales = Float32Array.from({length: channels}, (_, channel) => scaleOf(channel));
  const floats = new Float32Array(output === null ? sums.length : 0);
  const integers = new Uint8Array(output === null ? 0 : sums.length);
  const zeroPoint = output?.zeroPoint ?? 0;
  for (let at = 0; at < sums.length; at += 1) {
    const channel = Math.floor(at / inner) % channels;
    const sum = ((sums[at] as number) + (bias === null ? 0 : (bias[channel % bias.length] as number))) | 0;
    const value = fround(fround(sum) * (scales[channel] as number));
    if (output === null)
      floats[at] = floatBias === null ? value : value + (floatBias[channel % floatBias.length] as number);
    else
      integers[at] =
        roundHalfEven(Math.min(Math.max(value, -zeroPoint), LARGEST_BYTE - zeroPoint)) + zeroPoint;
  }
  return output === null
    ? {elementType: 'float32', shape, bytes: new Uint8Array(floats.buffer)}
    : {elementType: 'uint8', shape, bytes: integers};
}
