import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Layer} from '../../model/graph.ts';
import {integerLimits} from '../integerLimits.ts';
import {integerAttribute} from '../nodeAttributes.ts';

/** What integers the weights of one row may be. */
export interface WeightLimits {
  /** Each alone: −highest … highest. */
  readonly highest: number;
  /**
   * For each input of the row the one whose product is added to its own in 16 bits, or −1: the weights of such a pair may
   * not add up to more than LARGEST_PAIR in magnitude. `null` where no sums are that narrow.
   */
  readonly partners: Int32Array | null;
}

/** 255 · 128 fits 16 bits, with a sign. */
export const LARGEST_PAIR = 128;

/**
 * With weights of 7 bits a layer's sums of two products fit 16 bits whatever the weights are. They also do with 8 bits
 * where no two weights that are added first are both large: so most rows can have finer scales than half of the range
 * allows. Depthwise kernels widen before they add. Where it is not known which are added, half of the range it is.
 * @param inputs in the rows of layerGeometry: input channel by input channel, all of its kernel positions together
 * @see ../saturation/riskyPairs.ts, whose pairs these are
 */
export function weightLimits(
  {weights: {bits, isPerChannel, addsNeighbours = false}}: QuantizationScheme,
  layer: Layer,
  dims: readonly number[],
): WeightLimits {
  const whole = integerLimits('int8', {isSymmetric: true, bits: 8}).highest;
  const half = integerLimits('int8', {isSymmetric: true, bits: 7}).highest;
  if (bits === 8) return {highest: whole, partners: null};
  if (!isPerChannel || !addsNeighbours) return {highest: half, partners: null};
  if (layer.operator !== 'Conv') {
    const inputs =
      (layer.operator === 'Gemm' && integerAttribute(layer.node, 'transB', 0) === 1 ? dims[1] : dims[0]) ?? 0;
    return {highest: whole, partners: neighbours(inputs, 1)};
  }
  const [outputs = 0, channels = 0, ...kernel] = dims;
  if (channels === 1 && integerAttribute(layer.node, 'group', 1) === outputs)
    return {highest: whole, partners: null};
  // With an odd number, kernels differ in whether pairs go on into the next position.
  if (channels % 2 === 1) return {highest: half, partners: null};
  return {
    highest: whole,
    partners: neighbours(
      channels,
      kernel.reduce((all, size) => all * size, 1),
    ),
  };
}

/** Channels 0 and 1, 2 and 3 … at the same kernel position; an odd last one has nothing beside it. */
function neighbours(channels: number, positions: number): Int32Array {
  return Int32Array.from({length: channels * positions}, (_, at) => {
    const channel = Math.floor(at / positions) ^ 1;
    return channel < channels ? channel * positions + (at % positions) : -1;
  });
}

/** The nearest integer that a weight may be, given its partner's. */
export function limitWeight(integer: number, partner: number, {highest}: WeightLimits): number {
  const most = Math.min(highest, LARGEST_PAIR - Math.max(partner, 0));
  const least = Math.max(-highest, Math.max(-partner, 0) - LARGEST_PAIR);
  return Math.max(least, Math.min(most, integer));
}
