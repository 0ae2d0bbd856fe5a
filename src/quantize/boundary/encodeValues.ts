import type {BoundaryEncoding, PixelValues} from '../../documents/boundary.ts';
import {float16FromFloat32} from '../precision/float16.ts';
import {quantizeValues} from '../quantizeValues.ts';
import {roundHalfEven} from '../roundHalfEven.ts';

/** The bytes that the head's end makes of a float32 tensor, computed here: to learn how far they can be packed. */
export function encodeValues(
  values: Float32Array,
  shape: readonly number[],
  encoding: BoundaryEncoding,
): Uint8Array {
  switch (encoding.precision) {
    case 'fp16':
      return new Uint8Array(float16FromFloat32(values).buffer);
    case 'int8': {
      const {scale, zeroPoint} = encoding;
      return new Uint8Array(quantizeValues(values, {elementType: 'uint8', scale, zeroPoint}));
    }
    case 'pixels':
      return pixelsFrom(values, shape, encoding.pixels);
  }
}

function pixelsFrom(
  values: Float32Array,
  shape: readonly number[],
  {numerator, denominator, mean, std, channelAxis}: PixelValues,
): Uint8Array {
  const inner = shape.slice(channelAxis + 1).reduce((product, size) => product * size, 1);
  const channels = shape[channelAxis] ?? 1;
  const of = (numbers: readonly number[], channel: number): number => numbers[channel] ?? numbers[0] ?? 0;
  const pixels = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at += 1) {
    const channel = Math.floor(at / inner) % channels;
    const value = (values[at] as number) * of(std, channel) + of(mean, channel);
    pixels[at] = Math.min(255, Math.max(0, roundHalfEven((value * denominator) / numerator)));
  }
  return pixels;
}
