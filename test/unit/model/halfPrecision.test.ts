import fc from 'fast-check';
import {expect, it} from 'vitest';
import {floatFromHalf, halfFromFloat} from '../../../src/model/halfPrecision.ts';

it('every half-precision number comes back with the same bits', () => {
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const value = floatFromHalf(bits);
    if (!Number.isNaN(value)) expect(halfFromFloat(value)).toBe(bits);
    else expect(floatFromHalf(halfFromFloat(value))).toBeNaN();
  }
});

it('a number becomes the nearest half-precision one, ties the even one', () => {
  fc.assert(
    fc.property(fc.float({noNaN: true, min: -65504, max: 65504}), value => {
      const bits = halfFromFloat(value);
      const error = (other: number): number => Math.abs(floatFromHalf(other) - value);
      for (const other of [bits - 1, bits + 1]) {
        const isNumber = other >= 0 && Number.isFinite(floatFromHalf(other));
        if (!isNumber) continue;
        expect(error(bits)).toBeLessThanOrEqual(error(other));
        if (error(bits) === error(other)) expect(bits % 2).toBe(0);
      }
    }),
    {numRuns: 2000},
  );
});

it.each([
  ['the largest number', 65504, 0x7bff],
  ['just below what rounds to infinity', 65519.99, 0x7bff],
  ['what rounds to infinity', 65520, 0x7c00],
  ['minus infinity', -Infinity, 0xfc00],
  ['minus zero', -0, 0x8000],
  ['the smallest number', 2 ** -24, 1],
  ['half of it, a tie', 2 ** -25, 0],
  ['the largest subnormal number and half a step', (1023.5 * 2) / 2 ** 25, 0x400],
])('%s', (_, value, bits) => {
  expect(halfFromFloat(value)).toBe(bits);
});
