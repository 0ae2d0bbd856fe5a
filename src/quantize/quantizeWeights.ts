import {integerLimits} from './integerLimits.ts';
import {SMALLEST_SCALE} from './parametersFromRange.ts';
import type {QuantizedWeights} from './quantizationPlan.ts';
import {ROUNDING_TERM} from './roundHalfEven.ts';
import {searchWeightScales} from './searchWeightScales.ts';
import {weightLayout, type WeightLayout} from './weightLayout.ts';

export interface WeightOptions {
  readonly bits: 8 | 7;
  /** `max`: the largest weight is the largest integer. `mse`: the scale of least squared error. */
  readonly search?: 'max' | 'mse';
  /** One per channel (or one in all); a scale found smaller is enlarged to it. See smallestWeightScales. */
  readonly smallestScales?: Float32Array;
}

/**
 * Symmetric int8 weights, −127 to 127 (−64 to 64 with 7 bits), zero point 0, a scale per channel of `channelAxis`, or
 * one scale when that is null. Rounds as QuantizeLinear does: a float32 quotient, ties to even.
 * @throws RangeError when the number of values does not fit `dims`
 */
export function quantizeWeights(
  values: Float32Array,
  dims: readonly number[],
  channelAxis: number | null,
  options: WeightOptions,
): QuantizedWeights {
  const layout = weightLayout(dims, channelAxis);
  const count = layout.outer * layout.channels * layout.inner;
  if (values.length !== count) throw new RangeError(`${values.length} values for [${dims.join(', ')}]`);
  const {highest} = integerLimits('int8', {isSymmetric: true, bits: options.bits});
  const largest = largestMagnitudes(values, layout);
  const scales =
    options.search === 'mse'
      ? searchWeightScales(values, layout, largest, highest)
      : largest.map(magnitude => magnitude / highest);
  const {smallestScales} = options;
  for (let channel = 0; channel < scales.length; channel += 1) {
    const smallest = smallestScales?.[channel] ?? 0;
    const scale = Math.max(scales[channel] ?? 0, smallest);
    // A channel without weights takes the finest scale its bias allows; without that, any scale will do.
    scales[channel] = scale < SMALLEST_SCALE ? 1 : scale;
  }
  return {values: roundToScales(values, layout, scales, highest), scales};
}

/** The real values that the integers stand for. */
export function dequantizeWeights(
  {values, scales}: QuantizedWeights,
  dims: readonly number[],
  channelAxis: number | null,
): Float32Array {
  const {outer, channels, inner} = weightLayout(dims, channelAxis);
  const floats = new Float32Array(values.length);
  for (let block = 0, at = 0; block < outer; block += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const scale = scales[channel] as number;
      for (const end = at + inner; at < end; at += 1) floats[at] = (values[at] as number) * scale;
    }
  }
  return floats;
}

/** The integers nearest to the weights, given the scales. */
export function roundToScales(
  values: Float32Array,
  {outer, channels, inner}: WeightLayout,
  scales: Float32Array,
  highest: number,
): Int8Array {
  const integers = new Int8Array(values.length);
  const fround = Math.fround;
  // `max` of `min`: with two branches instead a value takes three times as long.
  if (inner === 1) {
    // Channels side by side, as in the matrix of a MatMul.
    for (let row = 0, at = 0; row < outer; row += 1) {
      for (let channel = 0; channel < channels; channel += 1, at += 1) {
        const rounded =
          fround((values[at] as number) / (scales[channel] as number)) + ROUNDING_TERM - ROUNDING_TERM;
        integers[at] = Math.max(Math.min(rounded, highest), -highest);
      }
    }
    return integers;
  }
  for (let block = 0, at = 0; block < outer; block += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const scale = scales[channel] as number;
      for (const end = at + inner; at < end; at += 1) {
        const rounded = fround((values[at] as number) / scale) + ROUNDING_TERM - ROUNDING_TERM;
        integers[at] = Math.max(Math.min(rounded, highest), -highest);
      }
    }
  }
  return integers;
}

function largestMagnitudes(values: Float32Array, {outer, channels, inner}: WeightLayout): Float32Array {
  const largest = new Float32Array(channels);
  if (inner === 1) {
    for (let row = 0, at = 0; row < outer; row += 1) {
      for (let channel = 0; channel < channels; channel += 1, at += 1) {
        const magnitude = Math.abs(values[at] as number);
        if (magnitude > (largest[channel] as number)) largest[channel] = magnitude;
      }
    }
    return largest;
  }
  for (let block = 0, at = 0; block < outer; block += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      let most = largest[channel] as number;
      for (const end = at + inner; at < end; at += 1) {
        const magnitude = Math.abs(values[at] as number);
        if (magnitude > most) most = magnitude;
      }
      largest[channel] = most;
    }
  }
  return largest;
}
