import {ROUNDING_TERM} from '../roundHalfEven.ts';

/** The largest finite float16. */
export const LARGEST_FLOAT16 = 65_504;

/** From here on the nearest float16 is infinite: halfway between the largest finite one and the step after it. */
const INFINITE_FROM = 65_520;

/** The smallest float32 whose nearest float16 is not 0 is above this: half of the smallest subnormal, a tie to even. */
const LARGEST_ZERO = 2 ** -25;

/** Bits of float32 numbers: 2^-14, the smallest normal float16, then 65,536, infinity and the sign. */
const SMALLEST_NORMAL_BITS = 0x3880_0000;
const TOO_LARGE_BITS = 0x4780_0000;
const INFINITY_BITS = 0x7f80_0000;
const SIGN_BIT = 0x8000_0000;

const FLOAT16_INFINITY = 0x7c00;
const FLOAT16_NAN = 0x7e00;

/** From the bias of float32 exponents, 127, to that of float16, 15; and just under half of the 13 bits that are cut off. */
const REBIAS_AND_ROUND = ((15 - 127) << 23) + 0xfff;

/**
 * The bits of the nearest float16 numbers, ties to even; subnormal ones included. Too large ones become infinite, or the
 * largest finite number of their sign when they are clamped; infinities and NaN stay what they are.
 * @see IEEE 754-2019, 4.3.1 and 3.6 (binary16)
 */
export function float16FromFloat32(values: Float32Array, {isClamped = false} = {}): Uint16Array {
  const all = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let at = 0; at < all.length; at += 1) {
    const bits = all[at] as number;
    const magnitude = bits & ~SIGN_BIT;
    let half: number;
    if (magnitude < SMALLEST_NORMAL_BITS) {
      // Steps of 2^-24; 1,024 of them are the smallest normal number, in bits too.
      half = Math.abs(values[at] as number) * 2 ** 24 + ROUNDING_TERM - ROUNDING_TERM;
    } else if (magnitude < TOO_LARGE_BITS) {
      half = (magnitude + REBIAS_AND_ROUND + ((magnitude >> 13) & 1)) >> 13;
    } else {
      half = magnitude > INFINITY_BITS ? FLOAT16_NAN : FLOAT16_INFINITY;
    }
    if (isClamped && half === FLOAT16_INFINITY && magnitude !== INFINITY_BITS) half -= 1;
    halves[at] = half | ((bits & SIGN_BIT) >>> 16);
  }
  return halves;
}

/** What becomes of float32 numbers in float16, as far as it is a loss of more than digits. */
export interface Float16Fit {
  /** A finite number becomes infinite. */
  readonly isTooLarge: boolean;
  /** There are numbers other than 0, and all of them become 0. */
  readonly isAllUnderflow: boolean;
}

export function float16Fit(values: Float32Array): Float16Fit {
  let largest = 0;
  for (let at = 0; at < values.length; at += 1) {
    const magnitude = Math.abs(values[at] as number);
    if (magnitude > largest && magnitude !== Infinity) largest = magnitude;
  }
  return {
    isTooLarge: largest >= INFINITE_FROM,
    isAllUnderflow:
      largest > 0 && largest <= LARGEST_ZERO && !values.includes(Infinity) && !values.includes(-Infinity),
  };
}
