import type {Graph, Layer} from '../../model/graph.ts';
import {floatAttribute, integerAttribute, integersAttribute, textAttribute} from '../nodeAttributes.ts';
import type {BoundContext} from './boundContext.ts';
import {boundWeighted} from './boundWeighted.ts';
import {channelLayers} from './channelLayers.ts';
import {
  combineRanges,
  mapMonotone,
  pickChannels,
  rangesOfValues,
  unboundedRanges,
  widened,
  type ChannelRanges,
} from './channelRanges.ts';
import {constantValues} from './constantValues.ts';
import {axisFromEnd} from './couplingContext.ts';
import {padding} from './padding.ts';
import {indexInPart, reshapeBlocks} from './reshapeBlocks.ts';
import {slicing} from './slicing.ts';

/** Bounds of the first output; `null` when nothing is known. */
type BoundRule = (context: BoundContext, x: string, y: string) => ChannelRanges | null;

/**
 * Bounds of every channel that follow from weights alone, whatever the inputs: interval arithmetic in graph order.
 * What no rule bounds is not in the result.
 * @see Moore, Interval Analysis, 1966
 */
export function boundChannels(graph: Graph): Map<string, ChannelRanges> {
  const known = new Map<string, ChannelRanges>();
  const constants = constantValues(graph.model);
  const weighted = new Map(channelLayers(graph).map(layer => [layer.layer, layer]));
  const shapeOf = (tensor: string): readonly number[] => graph.tensors.get(tensor)?.shape ?? [];
  const rangesOf = (tensor: string): ChannelRanges => {
    const shape = shapeOf(tensor);
    return known.get(tensor) ?? unboundedRanges(channelAxisOf(shape), shape[channelAxisOf(shape)] ?? 1);
  };
  const rangesAlong = (tensor: string, shape: readonly number[], axis: number): ChannelRanges => {
    const own = shapeOf(tensor);
    const ownAxis = axis + own.length - shape.length;
    const values = graph.tensors.get(tensor)?.isWeight === true ? constants.floats(tensor) : null;
    if (values !== null) return rangesOfValues(values, own, ownAxis < 0 ? own.length : ownAxis);
    const ranges = rangesOf(tensor);
    return ranges.axis === ownAxis ? ranges : unboundedRanges(axis, own[ownAxis] ?? 1);
  };
  for (const layer of graph.layers) {
    const [x = ''] = layer.node.inputs;
    const [y = ''] = layer.node.outputs;
    const isKnown = [...layer.inputs, ...layer.outputs].every(
      name => graph.tensors.get(name)?.shape !== undefined,
    );
    if (layer.domain !== '' || !isKnown) continue;
    const context = {graph, layer, constants, shapeOf, rangesOf, rangesAlong};
    const own = weighted.get(layer.name);
    const ranges =
      own === undefined ? (RULES.get(layer.operator)?.(context, x, y) ?? null) : boundWeighted(context, own);
    if (ranges !== null) known.set(y, ranges);
    if (layer.operator === 'Split') boundSplit(context, known);
  }
  return known;
}

/** Where channels lie unless something else is known: axis 1 of pictures, the last of matrices. */
function channelAxisOf(shape: readonly number[]): number {
  return shape.length > 2 ? 1 : Math.max(0, shape.length - 1);
}

const same: BoundRule = ({rangesOf}, x) => rangesOf(x);

const monotone =
  (map: (value: number, layer: Layer) => number): BoundRule =>
  ({rangesOf, layer}, x) =>
    mapMonotone(rangesOf(x), value => map(value, layer));

type Combine = Parameters<typeof combineRanges>[3];

const combined =
  (combine: Combine): BoundRule =>
  (context, x, y) => {
    const [, other = ''] = context.layer.node.inputs;
    const shape = context.shapeOf(y);
    const rangesOfFirst = context.graph.tensors.get(x)?.isWeight === true ? other : x;
    const axis = context.rangesOf(rangesOfFirst).axis + shape.length - context.shapeOf(rangesOfFirst).length;
    const ranges = [x, other].map(name => context.rangesAlong(name, shape, axis));
    const [first, second] = ranges as [ChannelRanges, ChannelRanges];
    return {...combineRanges(first, second, shape[axis] ?? 1, combine), axis};
  };

/** 0 times anything finite is 0; bounds of infinity stand for anything finite. */
const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

const multiply: Combine = ([a, b], [c, d]) => {
  const products = [times(a, c), times(a, d), times(b, c), times(b, d)];
  return [Math.min(...products), Math.max(...products)];
};

const RULES = new Map<string, BoundRule>([
  ['Identity', same],
  ['Dropout', same],
  ['MaxPool', same],
  ['GlobalMaxPool', same],
  ['GlobalAveragePool', same],
  ['Relu', monotone(value => Math.max(0, value))],
  ['LeakyRelu', boundLeaky],
  ['Sigmoid', monotone(value => 1 / (1 + Math.exp(-value)))],
  ['Tanh', monotone(Math.tanh)],
  ['HardSigmoid', boundHardSigmoid],
  ['Clip', boundClip],
  ['Add', combined(([a, b], [c, d]) => [a + c, b + d])],
  ['Sub', combined(([a, b], [c, d]) => [a - d, b - c])],
  ['Mul', combined(multiply)],
  ['BatchNormalization', boundBatchNormalization],
  ['AveragePool', boundAveragePool],
  ['Concat', boundConcat],
  ['Reshape', boundReshape],
  ['Flatten', boundReshape],
  ['Squeeze', boundReshape],
  ['Unsqueeze', boundReshape],
  ['Transpose', boundTranspose],
  ['Slice', boundSlice],
  ['Pad', boundPad],
]);

function boundLeaky({rangesOf, layer}: BoundContext, x: string): ChannelRanges | null {
  const slope = floatAttribute(layer.node, 'alpha', 0.01);
  return slope < 0 ? null : mapMonotone(rangesOf(x), value => (value < 0 ? times(slope, value) : value));
}

function boundHardSigmoid({rangesOf, layer}: BoundContext, x: string): ChannelRanges | null {
  const slope = floatAttribute(layer.node, 'alpha', 0.2);
  const shift = floatAttribute(layer.node, 'beta', 0.5);
  if (slope < 0) return null;
  return mapMonotone(rangesOf(x), value => Math.min(1, Math.max(0, times(slope, value) + shift)));
}

/** Limits are inputs since version 11. */
function boundClip({rangesOf, layer, constants}: BoundContext, x: string): ChannelRanges | null {
  const limit = (place: number, name: string, none: number): number | null => {
    const input = layer.node.inputs[place] ?? '';
    return input === '' ? floatAttribute(layer.node, name, none) : (constants.floats(input)?.[0] ?? null);
  };
  const least = limit(1, 'min', -Infinity);
  const most = limit(2, 'max', Infinity);
  if (least === null || most === null) return null;
  return mapMonotone(rangesOf(x), value => Math.min(most, Math.max(least, value)));
}

/** (x − mean) / √(variance + ε) · scale + bias */
function boundBatchNormalization(
  {rangesOf, constants, layer}: BoundContext,
  x: string,
): ChannelRanges | null {
  const [scale, bias, mean, variance] = layer.node.inputs.slice(1).map(name => constants.floats(name));
  if (!scale || !bias || !mean || !variance || layer.outputs.length > 1) return null;
  const epsilon = floatAttribute(layer.node, 'epsilon', 1e-5);
  const ranges = rangesOf(x);
  if (ranges.axis !== 1) return null;
  const bound = (channel: number, value: number): number => {
    const factor = (scale[channel] as number) / Math.sqrt((variance[channel] as number) + epsilon);
    return Math.fround(times(factor, value - (mean[channel] as number)) + (bias[channel] as number));
  };
  const a = ranges.low.map((value, channel) => bound(channel, value));
  const b = ranges.high.map((value, channel) => bound(channel, value));
  return {
    axis: 1,
    low: a.map((value, channel) => Math.min(value, b[channel] as number)),
    high: a.map((value, channel) => Math.max(value, b[channel] as number)),
  };
}

/** With padding counted, zeros enter the mean. */
function boundAveragePool({rangesOf, layer}: BoundContext, x: string): ChannelRanges {
  return integerAttribute(layer.node, 'count_include_pad', 0) === 0 ? rangesOf(x) : widened(rangesOf(x), 0);
}

function boundConcat(
  {rangesAlong, shapeOf, layer}: BoundContext,
  _x: string,
  y: string,
): ChannelRanges | null {
  const shape = shapeOf(y);
  const axis = axisFromEnd(integerAttribute(layer.node, 'axis', 1), shape.length);
  if (axis !== channelAxisOf(shape)) return null;
  const parts = layer.node.inputs.map(name => rangesAlong(name, shape, axis));
  return {
    axis,
    low: Float64Array.from(parts.flatMap(part => [...part.low])),
    high: Float64Array.from(parts.flatMap(part => [...part.high])),
  };
}

/** The channel axis alone, or as the one that is merged with positions. */
function boundReshape({rangesOf, shapeOf}: BoundContext, x: string, y: string): ChannelRanges | null {
  const ranges = rangesOf(x);
  const from = shapeOf(x);
  const block = reshapeBlocks(from, shapeOf(y))?.find(one => one.from.includes(ranges.axis));
  const [axis, ...others] = block?.to ?? [];
  if (block === undefined || axis === undefined || others.length > 0) return null;
  return pickChannels(ranges, axis, indexInPart(from, block.from, ranges.axis));
}

function boundTranspose({rangesOf, shapeOf, layer}: BoundContext, x: string): ChannelRanges {
  const {length} = shapeOf(x);
  const order = integersAttribute(layer.node, 'perm') ?? Array.from({length}, (_, axis) => length - 1 - axis);
  const ranges = rangesOf(x);
  return {...ranges, axis: order.indexOf(ranges.axis)};
}

function boundSlice(
  {rangesOf, shapeOf, layer, constants}: BoundContext,
  x: string,
  y: string,
): ChannelRanges | null {
  const ranges = rangesOf(x);
  const {axis} = ranges;
  const slice = slicing(layer.node, shapeOf(x), constants)?.[axis];
  if (slice === undefined) return null;
  const places = Array.from({length: shapeOf(y)[axis] ?? 0}, (_, index) => slice.start + index * slice.step);
  return pickChannels(ranges, axis, places);
}

function boundPad(
  {rangesOf, shapeOf, layer, constants}: BoundContext,
  x: string,
  y: string,
): ChannelRanges | null {
  const ranges = rangesOf(x);
  const {axis} = ranges;
  const size = shapeOf(x)[axis] ?? 0;
  const pads = padding(layer.node, shapeOf(x).length, constants);
  const [, , given = ''] = layer.node.inputs;
  const value = given === '' ? 0 : constants.floats(given)?.[0];
  if (
    pads === null ||
    value === undefined ||
    (textAttribute(layer.node, 'mode') || 'constant') !== 'constant'
  )
    return null;
  const isWiderElsewhere = pads.some(({before, after}, each) => each !== axis && (before > 0 || after > 0));
  const places = Array.from({length: shapeOf(y)[axis] ?? 0}, (_, index) => {
    const place = index - (pads[axis]?.before ?? 0);
    return place < size ? place : -1;
  });
  return pickChannels(isWiderElsewhere ? widened(ranges, value) : ranges, axis, places, value);
}

function boundSplit({rangesOf, shapeOf, layer}: BoundContext, known: Map<string, ChannelRanges>): void {
  const [x = ''] = layer.node.inputs;
  const ranges = rangesOf(x);
  const axis = axisFromEnd(integerAttribute(layer.node, 'axis', 0), shapeOf(x).length);
  let offset = 0;
  for (const output of layer.outputs) {
    const size = shapeOf(output)[axis] ?? 0;
    const from = offset;
    known.set(
      output,
      axis === ranges.axis
        ? pickChannels(
            ranges,
            axis,
            Array.from({length: size}, (_, index) => from + index),
          )
        : ranges,
    );
    offset += size;
  }
}
