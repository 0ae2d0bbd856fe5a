import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {floatFromHalf} from '../../../../src/model/halfPrecision.ts';
import {float16FromFloat32, float16Fit} from '../../../../src/quantize/precision/float16.ts';

const ALL = Uint16Array.from({length: 2 ** 16}, (_, bits) => bits);
const FINITE = [...ALL].filter(bits => (bits & 0x7c00) !== 0x7c00);

function bitsOf(value: number): number {
  return float16FromFloat32(Float32Array.of(value))[0]!;
}

/** Two float16 numbers next to each other, the one nearer to 0 first. */
function neighbours(bits: number): [number, number] {
  return [floatFromHalf(bits), floatFromHalf(bits + 1)];
}

describe('float32 to float16', () => {
  it('gives every one of the 65,536 numbers back', () => {
    const widened = Float32Array.from(ALL, floatFromHalf);
    const isNaN = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
    const halves = float16FromFloat32(widened);
    expect(ALL.filter(bits => !isNaN(bits) && halves[bits] !== bits)).toEqual(new Uint16Array(0));
    expect([...ALL].filter(isNaN).every(bits => isNaN(halves[bits]!))).toBe(true);
  });

  it('takes the even one of two that are equally near, for every pair of neighbours', () => {
    const wrong = FINITE.filter(bits => {
      if ((bits & 0x7fff) === 0x7bff) return false;
      const [near, far] = neighbours(bits);
      return bitsOf((near + far) / 2) !== (bits % 2 === 0 ? bits : bits + 1);
    });
    expect(wrong).toEqual([]);
  });

  it('takes the nearer one just beside the middle, for every pair of neighbours', () => {
    const wrong = FINITE.filter(bits => {
      if ((bits & 0x7fff) === 0x7bff) return false;
      const [near, far] = neighbours(bits);
      const middle = (near + far) / 2;
      // The next float32 numbers to both sides.
      const step = Math.abs(middle) * 2 ** -23;
      const [inside, outside] = [middle - Math.sign(middle) * step, middle + Math.sign(middle) * step];
      return bitsOf(inside) !== bits || bitsOf(outside) !== bits + 1;
    });
    expect(wrong).toEqual([]);
  });

  it('is at most half a step away, wherever it is', () => {
    fc.assert(
      fc.property(fc.float({noNaN: true, min: Math.fround(-65504), max: Math.fround(65504)}), value => {
        const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 10));
        expect(Math.abs(floatFromHalf(bitsOf(value)) - value)).toBeLessThanOrEqual(step / 2);
      }),
    );
  });

  it('makes infinity of what is nearer to 65,536 than to 65,504, unless it is told to clamp', () => {
    expect([65_519.996, 65_520, 1e9, Infinity].map(bitsOf)).toEqual([0x7bff, 0x7c00, 0x7c00, 0x7c00]);
    const clamped = float16FromFloat32(Float32Array.of(65_520, -3.4e38, Infinity, -Infinity, 1), {
      isClamped: true,
    });
    expect([...clamped]).toEqual([0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x3c00]);
  });

  it('keeps the sign of zero and NaN', () => {
    expect([bitsOf(-0), bitsOf(-1e-10)]).toEqual([0x8000, 0x8000]);
    expect(floatFromHalf(bitsOf(NaN))).toBeNaN();
  });
});

describe('what float16 makes of constants', () => {
  it.each([
    ['ordinary weights', [0.1, -3, 0], {isTooLarge: false, isAllUnderflow: false}],
    ['zeros', [0, -0], {isTooLarge: false, isAllUnderflow: false}],
    ['the epsilon of a normalisation', [1e-12], {isTooLarge: false, isAllUnderflow: true}],
    ['an epsilon that float16 still has', [1e-7], {isTooLarge: false, isAllUnderflow: false}],
    ['small weights beside ordinary ones', [1e-12, 1], {isTooLarge: false, isAllUnderflow: false}],
    ['the filling of a mask', [-3.4e38, 0], {isTooLarge: true, isAllUnderflow: false}],
    ['a mask of infinities', [-Infinity, 0], {isTooLarge: false, isAllUnderflow: false}],
  ])('%s', (_, values, fit) => {
    expect(float16Fit(Float32Array.from(values))).toEqual(fit);
  });
});
