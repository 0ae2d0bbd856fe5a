import {integersAttribute, textAttribute} from '../correction/attributes.ts';
import {floatAttribute} from '../nodeAttributes.ts';
import type {BoundContext} from './boundContext.ts';
import type {ChannelLayer} from './channelLayers.ts';
import {addProduct, unboundedRanges, type ChannelRanges} from './channelRanges.ts';

/** Bounds of a convolution or matrix product from those of its input channels and its weights. */
export function boundWeighted(context: BoundContext, channelLayer: ChannelLayer): ChannelRanges | null {
  const {layer, constants, shapeOf} = context;
  const {input, weight, bias, output, inputAxis, outputAxis, operator} = channelLayer;
  const values = constants.floats(weight);
  const given = context.rangesOf(input);
  const inputs =
    given.axis === inputAxis ? given : unboundedRanges(inputAxis, shapeOf(input)[inputAxis] ?? 1);
  const biases = bias === null ? null : context.rangesAlong(bias, shapeOf(output), outputAxis);
  if (values === null) return null;
  const size = shapeOf(output)[outputAxis] ?? 0;
  const ranges: ChannelRanges = {axis: outputAxis, low: new Float64Array(size), high: new Float64Array(size)};
  const mayMissTaps = readsPadding(context, channelLayer);
  const factor = operator === 'Gemm' ? floatAttribute(layer.node, 'alpha', 1) : 1;
  const biasFactor = operator === 'Gemm' ? floatAttribute(layer.node, 'beta', 1) : 1;
  for (let channel = 0; channel < size; channel += 1) {
    const place = biases?.low.length === 1 ? 0 : channel;
    if (biases !== null)
      addProduct(ranges, channel, biasFactor, biases.low[place] as number, biases.high[place] as number);
  }
  forEachWeight(channelLayer, shapeOf(weight), (made, read, at) => {
    const low = inputs.low[read] as number;
    const high = inputs.high[read] as number;
    const product = factor * (values[at] as number);
    if (mayMissTaps) addProduct(ranges, made, product, Math.min(low, 0), Math.max(high, 0));
    else addProduct(ranges, made, product, low, high);
  });
  return {axis: outputAxis, low: ranges.low.map(Math.fround), high: ranges.high.map(Math.fround)};
}

/** Calls with output channel, input channel and place of every weight. */
export function forEachWeight(
  {operator, groups, channelAxis}: ChannelLayer,
  dims: readonly number[],
  visit: (output: number, input: number, at: number) => void,
): void {
  const [first = 0, second = 0, ...kernel] = dims;
  const taps = kernel.reduce((product, size) => product * size, 1);
  const perGroup = first / groups;
  for (let a = 0, at = 0; a < first; a += 1) {
    // Both convolutions have the whole number of channels on their first axis and one group's on their second.
    const start = Math.floor(a / perGroup) * second;
    for (let b = 0; b < second; b += 1) {
      for (let tap = 0; tap < taps; tap += 1, at += 1) {
        if (operator === 'Conv') visit(a, start + b, at);
        else if (operator === 'ConvTranspose') visit(start + b, a, at);
        else if (channelAxis === 0) visit(a, b, at);
        else visit(b, a, at);
      }
    }
  }
}

/** Whether some outputs see zeros, or nothing, where others see a channel's values. */
export function readsPadding(
  {graph, layer, shapeOf}: Pick<BoundContext, 'graph' | 'layer' | 'shapeOf'>,
  channelLayer: ChannelLayer,
): boolean {
  const {operator, weight} = channelLayer;
  if (operator === 'Gemm' || operator === 'MatMul') return false;
  if (operator === 'ConvTranspose') return true;
  const automatic = textAttribute(layer.node, 'auto_pad') || 'NOTSET';
  if (automatic === 'VALID' || graph.tensors.get(weight)?.shape === undefined) return false;
  if (automatic !== 'NOTSET')
    return shapeOf(weight)
      .slice(2)
      .some(size => size > 1);
  return (integersAttribute(layer.node, 'pads') ?? []).some(pad => pad > 0);
}
