import {describe, expect, it} from 'vitest';
import {integerLimits} from '../../../src/quantize/integerLimits.ts';
import {parametersFromRange, rangeFromParameters} from '../../../src/quantize/parametersFromRange.ts';

const f = Math.fround;

describe('scale and zero point', () => {
  // What onnxruntime 1.32 gives: compute_scale_zp(float32(min), float32(max), *get_qmin_qmax_for_qType(type, reduced, symmetric), symmetric)
  it.each([
    ['hold 0 when all values are positive', 1, 5, 'uint8', false, undefined, f(0.019607843831181526), 0],
    ['hold 0 when all values are negative', -5, -1, 'uint8', false, undefined, f(0.019607843831181526), 255],
    [
      'round the zero point to the nearest integer',
      -1,
      2,
      'uint8',
      false,
      undefined,
      f(0.0117647061124444),
      85,
    ],
    ['use −128 of int8', -1, 2, 'int8', false, undefined, f(0.0117647061124444), -43],
    ['leave −128 out when symmetric', -1, 2, 'int8', true, undefined, f(0.01574803143739700317), 0],
    [
      'have zero point 128 when symmetric and unsigned',
      -1,
      2,
      'uint8',
      true,
      undefined,
      f(0.01568627543747425),
      128,
    ],
    ['reach 64 at both ends with 7 bits', -1, 2, 'int8', true, 7, f(0.03125), 0],
    ['stop at 127 with 7 bits, unsigned', 0, 2, 'uint8', false, 7, f(0.01574803143739700317), 0],
    ['take 16 bits', -1, 2, 'uint16', false, undefined, f(4.577706567943096e-5), 21845],
    ['take signed symmetric 16 bits', -1, 2, 'int16', true, undefined, f(6.103701889514923e-5), 0],
    ['are 1 and 0 for a tensor of zeros', 0, 0, 'uint8', false, undefined, 1, 0],
    ['are 1 and 0 for a range too narrow for a float32', 0, 1e-37, 'uint8', false, undefined, 1, 0],
    ['keep the symmetric zero point for a tensor of zeros', 0, 0, 'uint8', true, undefined, 1, 128],
  ] as const)('%s', (_, min, max, elementType, isSymmetric, bits, scale, zeroPoint) => {
    const options = {elementType, isSymmetric, ...(bits === undefined ? {} : {bits})};
    expect(parametersFromRange({min, max}, options)).toEqual({elementType, scale, zeroPoint});
  });

  it('round a zero point half way between two integers to the even one', () => {
    // 0 − (−0.5 / 1) and 0 − (−1.5 / 1), with a scale of exactly 1.
    expect(
      parametersFromRange({min: -0.5, max: 254.5}, {elementType: 'uint8', isSymmetric: false}).zeroPoint,
    ).toBe(0);
    expect(
      parametersFromRange({min: -1.5, max: 253.5}, {elementType: 'uint8', isSymmetric: false}).zeroPoint,
    ).toBe(2);
  });

  it.each([
    [NaN, 1],
    [0, Infinity],
    [2, 1],
  ])('are refused for %d to %d', (min, max) => {
    expect(() => parametersFromRange({min, max}, {elementType: 'uint8', isSymmetric: false})).toThrow(
      RangeError,
    );
  });

  it('give back a range that holds the one they were made from, up to half a step', () => {
    const options = {elementType: 'uint8', isSymmetric: false} as const;
    const parameters = parametersFromRange({min: -1, max: 2}, options);
    const range = rangeFromParameters(parameters, options);
    expect(range.min).toBeCloseTo(-1, 5);
    expect(range.max).toBeCloseTo(2, 5);
  });
});

it('more or fewer bits than a type has are refused', () => {
  expect(() => integerLimits('int8', {isSymmetric: true, bits: 6})).toThrow(RangeError);
});
