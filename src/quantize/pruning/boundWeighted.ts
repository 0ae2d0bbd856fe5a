import {floatAttribute, integersAttribute, textAttribute} from '../nodeAttributes.ts';
import type {BoundContext} from './boundContext.ts';
import type {ChannelLayer} from './channelLayers.ts';
import {addProduct, unboundedRanges, type ChannelRanges} from './channelRanges.ts';
import {weightPlaces} from './weightPlaces.ts';

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
  const {outputsPerGroup, inputsPerGroup, taps, place} = weightPlaces(channelLayer, shapeOf(weight));
  for (let made = 0; made < size; made += 1) {
    const group = Math.floor(made / outputsPerGroup);
    for (let each = 0; each < inputsPerGroup; each += 1) {
      // Most channels have no bounds after their first weights: the rest need not be read.
      if (ranges.low[made] === -Infinity && ranges.high[made] === Infinity) break;
      const read = group * inputsPerGroup + each;
      const [low, high] = [inputs.low[read] as number, inputs.high[read] as number];
      const from = place(group, made % outputsPerGroup, each);
      for (let tap = 0; tap < taps; tap += 1) {
        const product = factor * (values[from + tap] as number);
        if (mayMissTaps) addProduct(ranges, made, product, Math.min(low, 0), Math.max(high, 0));
        else addProduct(ranges, made, product, low, high);
      }
    }
  }
  return {axis: outputAxis, low: ranges.low.map(Math.fround), high: ranges.high.map(Math.fround)};
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
