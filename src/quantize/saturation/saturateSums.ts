import type {Tensor} from '../../documents/tensor.ts';
import {integerAttribute} from '../nodeAttributes.ts';
import {ConvolutionRows, productOf} from './convolutionRows.ts';
import {lostToSaturation} from './riskyPairs.ts';
import type {SaturatingLayer} from './saturatingLayers.ts';

/**
 * The sums as VPMADDUBSW leaves them. Where the zero points went does not matter: MLAS multiplies bytes as they are and
 * takes the zero points' part away from the whole sum.
 * @param input uint8: NCHW for convolutions, [..., depth] for matrices
 * @param sums exact, int32: [images, channels, ...sizes] or [..., channels]
 */
export type SaturateSums = (input: Tensor, inputZeroPoint: number, sums: Tensor) => Int32Array;

/** For one layer; what depends on shapes alone is kept from one call to the next. */
export function saturateSumsOf(layer: SaturatingLayer): SaturateSums {
  let known: {readonly shapes: string; readonly rows: ConvolutionRows} | null = null;
  return (input, zeroPoint, sums) => {
    const saturated = new Int32Array(new Uint8Array(sums.bytes).buffer);
    if (layer.kind === 'matrix') {
      saturateMatrix(layer, input, saturated);
      return saturated;
    }
    const shapes = `${input.shape.join('x')} ${sums.shape.join('x')}`;
    if (known?.shapes !== shapes) known = {shapes, rows: rowsOf(layer, input.shape, sums.shape)};
    saturateConvolution(layer, known.rows, input, zeroPoint, saturated);
    return saturated;
  };
}

function saturateMatrix({pairs, channels, depth}: SaturatingLayer, input: Tensor, sums: Int32Array): void {
  const rowCount = depth === 0 ? 0 : input.bytes.length / depth;
  for (let row = 0; row < rowCount; row += 1) {
    const values = input.bytes.subarray(row * depth, (row + 1) * depth);
    for (let channel = 0; channel < channels; channel += 1)
      (sums[row * channels + channel] as number) += lostToSaturation(values, channel, pairs);
  }
}

function saturateConvolution(
  {layer, pairs, channels, depth}: SaturatingLayer,
  rows: ConvolutionRows,
  input: Tensor,
  zeroPoint: number,
  sums: Int32Array,
): void {
  const [images = 0, ...image] = input.shape;
  const groups = integerAttribute(layer.node, 'group', 1);
  const row = new Uint8Array(depth);
  const perGroup = channels / groups;
  const imageSize = productOf(image);
  for (let number = 0; number < images; number += 1) {
    for (let group = 0; group < groups; group += 1) {
      const risky: number[] = [];
      for (let channel = group * perGroup; channel < (group + 1) * perGroup; channel += 1)
        if (pairs.starts[channel] !== pairs.starts[channel + 1]) risky.push(channel);
      if (risky.length === 0) continue;
      for (let position = 0; position < rows.positions; position += 1) {
        rows.read(row, input.bytes, number * imageSize, group, position, zeroPoint);
        for (const channel of risky) {
          const at = (number * channels + channel) * rows.positions + position;
          (sums[at] as number) += lostToSaturation(row, channel, pairs);
        }
      }
    }
  }
}

function rowsOf(
  {layer, weight}: SaturatingLayer,
  inputShape: readonly number[],
  outputShape: readonly number[],
): ConvolutionRows {
  const {node} = layer;
  const [, inputChannels = 0, ...inputSizes] = inputShape;
  const [, , ...outputSizes] = outputShape;
  const groups = integerAttribute(node, 'group', 1);
  const kernelSizes = weight.dims.slice(2);
  const listOf = (name: string, otherwise: number): number[] => {
    const list = node.attributes.find(attribute => attribute.name === name)?.ints ?? [];
    return kernelSizes.map((_, axis) => (list[axis] === undefined ? otherwise : Number(list[axis])));
  };
  const strides = listOf('strides', 1);
  const dilations = listOf('dilations', 1);
  const sizes = {inputSizes, outputSizes, kernelSizes, strides, dilations};
  return new ConvolutionRows({
    ...sizes,
    channels: inputChannels / groups,
    groups,
    padsBegin: padsBegin(autoPadOf(layer), listOf('pads', 0), sizes),
  });
}

interface Sizes {
  readonly inputSizes: readonly number[];
  readonly outputSizes: readonly number[];
  readonly kernelSizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** @see https://onnx.ai/onnx/operators/onnx__Conv.html, auto_pad */
function padsBegin(
  autoPad: string,
  pads: readonly number[],
  {inputSizes, outputSizes, kernelSizes, strides, dilations}: Sizes,
): readonly number[] {
  if (autoPad === 'NOTSET') return pads;
  if (autoPad === 'VALID') return pads.map(() => 0);
  return inputSizes.map((size, axis) => {
    const reach = ((kernelSizes[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const total = Math.max(0, ((outputSizes[axis] ?? 1) - 1) * (strides[axis] ?? 1) + reach - size);
    return autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
}

function autoPadOf({node}: SaturatingLayer['layer']): string {
  const value = node.attributes.find(({name}) => name === 'auto_pad')?.string;
  return value === undefined || value.length === 0 ? 'NOTSET' : new TextDecoder().decode(value);
}
