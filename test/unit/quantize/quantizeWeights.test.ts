import {describe, expect, it} from 'vitest';
import {quantizeBias, smallestWeightScales} from '../../../src/quantize/quantizeBias.ts';
import {dequantizeWeights, quantizeWeights} from '../../../src/quantize/quantizeWeights.ts';
import {normalNumbers} from './normalNumbers.ts';

const EIGHT = {bits: 8} as const;

describe('weights in integers', () => {
  it('have a scale for every channel, along the first axis', () => {
    const {values, scales} = quantizeWeights(Float32Array.of(1, -0.5, 20, 10), [2, 2], 0, EIGHT);
    expect([...values]).toEqual([127, -64, 127, 64]);
    expect([...scales]).toEqual([Math.fround(1 / 127), Math.fround(20 / 127)]);
  });

  it('have a scale for every channel, along the last axis', () => {
    const {values, scales} = quantizeWeights(Float32Array.of(1, 20, -0.5, 10), [2, 2], 1, EIGHT);
    expect([...values]).toEqual([127, 127, -64, 64]);
    expect([...scales]).toEqual([Math.fround(1 / 127), Math.fround(20 / 127)]);
  });

  it('have a scale for every channel, along an axis in the middle', () => {
    const weights = Float32Array.of(1, 2, 10, 20, 3, 4, 30, 40);
    const {values, scales} = quantizeWeights(weights, [2, 2, 2], 1, EIGHT);
    expect([...scales]).toEqual([Math.fround(4 / 127), Math.fround(40 / 127)]);
    expect([...values]).toEqual([32, 64, 32, 64, 95, 127, 95, 127]);
  });

  it('have one scale in all without an axis', () => {
    const {values, scales} = quantizeWeights(Float32Array.of(1, -0.5, 20, 10), [2, 2], null, EIGHT);
    expect(scales).toHaveLength(1);
    expect([...values]).toEqual([6, -3, 127, 64]);
  });

  it('never reach −128, and stop at ±64 with 7 bits', () => {
    expect(Math.min(...quantizeWeights(Float32Array.of(-1, 0.5), [2], null, EIGHT).values)).toBe(-127);
    expect([...quantizeWeights(Float32Array.of(-1, 0.5), [2], null, {bits: 7}).values]).toEqual([-64, 32]);
  });

  it('round halves to even', () => {
    // 254 is the largest, so the scale is 2 and odd weights lie half way.
    const {values} = quantizeWeights(Float32Array.of(254, 1, 3, 5, -3), [5], null, EIGHT);
    expect([...values]).toEqual([127, 0, 2, 2, -2]);
  });

  it('of a channel of zeros have a scale that a DequantizeLinear can hold', () => {
    const {values, scales} = quantizeWeights(new Float32Array(4), [2, 2], 0, EIGHT);
    expect([...values]).toEqual([0, 0, 0, 0]);
    expect([...scales]).toEqual([1, 1]);
  });

  it('are refused when their number does not fit the shape', () => {
    expect(() => quantizeWeights(new Float32Array(3), [2, 2], 0, EIGHT)).toThrow(RangeError);
    expect(() => quantizeWeights(new Float32Array(4), [2, 2], 2, EIGHT)).toThrow(RangeError);
  });

  it('give back what the integers stand for, on any axis', () => {
    const weights = normalNumbers(2 * 3 * 4, 5);
    for (const axis of [0, 1, 2, null]) {
      const quantized = quantizeWeights(weights, [2, 3, 4], axis, EIGHT);
      const back = dequantizeWeights(quantized, [2, 3, 4], axis);
      const widest = Math.max(...quantized.scales);
      expect(Math.max(...back.map((value, at) => Math.abs(value - weights[at]!)))).toBeLessThanOrEqual(
        widest * 0.500001,
      );
    }
  });
});

describe('the scale of least squared error', () => {
  const errorOf = (weights: Float32Array, scale: number): number =>
    weights.reduce((sum, weight) => {
      const integer = Math.min(Math.max(Math.round(weight / scale), -127), 127);
      return sum + (weight - integer * scale) ** 2;
    }, 0);

  it.each([1, 2, 3, 4])('is never worse than that of the largest weight (seed %d)', seed => {
    const weights = normalNumbers(4000, seed);
    const [plain] = quantizeWeights(weights, [4000], null, EIGHT).scales;
    const [searched] = quantizeWeights(weights, [4000], null, {...EIGHT, search: 'mse'}).scales;
    expect(errorOf(weights, searched!)).toBeLessThanOrEqual(errorOf(weights, plain!));
  });

  it('is within a thousandth of the best of a fine search', () => {
    const weights = normalNumbers(4000, 7);
    weights[0] = 9;
    const [searched] = quantizeWeights(weights, [4000], null, {...EIGHT, search: 'mse'}).scales;
    let best = Infinity;
    for (let step = 1; step <= 10_000; step += 1) {
      best = Math.min(best, errorOf(weights, ((9 / 127) * step) / 10_000));
    }
    expect(errorOf(weights, searched!)).toBeLessThanOrEqual(best * 1.001);
    expect(searched).toBeLessThan(9 / 127);
  });

  it('is found for every channel by itself', () => {
    const narrow = normalNumbers(500, 8);
    const wide = normalNumbers(500, 9).map(value => value * 100);
    const both = new Float32Array([...narrow, ...wide]);
    const {scales} = quantizeWeights(both, [2, 500], 0, {...EIGHT, search: 'mse'});
    const alone = [narrow, wide].map(
      weights => quantizeWeights(weights, [500], null, {...EIGHT, search: 'mse'}).scales[0],
    );
    expect([...scales]).toEqual(alone);
  });
});

describe('biases in integers', () => {
  it('have the product of the scales of input and weights', () => {
    const {values, scales} = quantizeBias(Float32Array.of(1, -2), 0.5, Float32Array.of(0.25, 0.125));
    expect([...values]).toEqual([8, -32]);
    expect([...scales]).toEqual([0.125, 0.0625]);
  });

  it('repeat the scales of a grouped ConvTranspose over its groups', () => {
    const {values, scales} = quantizeBias(Float32Array.of(1, 1, 1, 1), 1, Float32Array.of(0.5, 0.25));
    expect([...values]).toEqual([2, 4, 2, 4]);
    expect([...scales]).toEqual([0.5, 0.25, 0.5, 0.25]);
  });

  it('that would not fit an int32 make the weights coarser, with room for the products', () => {
    const bias = Float32Array.of(1000, 0.1);
    const inputScale = 1e-4;
    const weights = Float32Array.of(1e-7, 1e-7);
    const smallestScales = smallestWeightScales(bias, inputScale, 2);
    const {scales} = quantizeWeights(weights, [2, 1], 0, {...EIGHT, smallestScales});
    const {values} = quantizeBias(bias, inputScale, scales);
    expect(Math.abs(values[0]!)).toBeLessThanOrEqual(2 ** 30);
    expect(values[0]! * scales[0]! * inputScale).toBeCloseTo(1000, 3);
    expect(scales[1]).toBeLessThan(scales[0]!);
  });

  it('of a channel without weights are exact to a billionth', () => {
    const bias = Float32Array.of(0.123456);
    const smallestScales = smallestWeightScales(bias, 0.02, 1);
    const {scales} = quantizeWeights(new Float32Array(9), [1, 9], 0, {...EIGHT, smallestScales});
    const {values, scales: biasScales} = quantizeBias(bias, 0.02, scales);
    expect(Math.abs(values[0]! * biasScales[0]! - bias[0]!)).toBeLessThan(1e-9);
  });

  it('that do not fit are refused rather than clipped', () => {
    expect(() => quantizeBias(Float32Array.of(1), 1e-6, Float32Array.of(1e-6))).toThrow(RangeError);
  });
});
