import {createAttribute} from '../../model/onnx/createMessages.ts';
import type {OnnxNode} from '../../model/onnx/messages.ts';
import {integerAttribute, integersAttribute} from '../nodeAttributes.ts';
import {axisFromEnd} from './couplingContext.ts';
import type {ConstantValues} from './constantValues.ts';
import {padding} from './padding.ts';
import {slicing} from './slicing.ts';

export interface ShrinkContext {
  readonly constants: ConstantValues;
  shapeOf(tensor: string): readonly number[];
  /** The indices that stay along an axis; `null` when all do. */
  keptAlong(tensor: string, axis: number): Int32Array | null;
  /** Adds an int64 list to the model and gives its name. */
  addIntegers(hint: string, values: readonly number[]): string;
}

/** A node whose attributes or shape-giving inputs name numbers of channels, for the channels that stay. */
export function shrinkNode(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const rule = node.domain === '' || node.domain === 'ai.onnx' ? RULES.get(node.operator) : undefined;
  return rule === undefined ? node : rule(node, context);
}

type ShrinkRule = (node: OnnxNode, context: ShrinkContext) => OnnxNode;

const RULES = new Map<string, ShrinkRule>([
  ['Conv', shrinkGroups],
  ['ConvTranspose', shrinkGroups],
  ['Reshape', shrinkReshape],
  ['Split', shrinkSplit],
  ['Slice', shrinkSlice],
  ['Pad', shrinkPad],
  ['Gather', shrinkGather],
  ['Resize', shrinkResize],
]);

/** A depthwise convolution has as many groups as input channels; others keep their groups and lose channels in each. */
function shrinkGroups(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [input = ''] = node.inputs;
  const kept = context.keptAlong(input, 1);
  const groups = integerAttribute(node, 'group', 1);
  const isChannelwise = groups > 1 && context.shapeOf(input)[1] === groups;
  if (kept === null || !isChannelwise) return node;
  return withAttribute(node, 'group', kept.length);
}

function shrinkReshape(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [, target = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const sizes = context.constants.integers(target);
  if (sizes === null) return node;
  const shrunk = sizes.map((size, axis) => {
    const kept = context.keptAlong(output, axis);
    // -1 is found by the runtime, from fewer channels too.
    return kept === null || size === -1 ? size : kept.length;
  });
  return withIntegers(node, context, 1, 'shape', sizes, shrunk);
}

function shrinkSplit(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [input = '', given = ''] = node.inputs;
  const axis = axisFromEnd(integerAttribute(node, 'axis', 0), context.shapeOf(input).length);
  if (context.keptAlong(input, axis) === null) return node;
  const sizes = node.outputs.map(
    output => context.keptAlong(output, axis)?.length ?? context.shapeOf(output)[axis] ?? 0,
  );
  const explicit = {...node, attributes: node.attributes.filter(({name}) => name !== 'num_outputs')};
  return withIntegers(
    explicit,
    context,
    1,
    'split',
    given === '' ? [] : (context.constants.integers(given) ?? []),
    sizes,
  );
}

/** Whole runs of channels only: the run starts and ends where as many channels stay before it. */
function shrinkSlice(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [input = '', startsName = '', endsName = '', axesName = ''] = node.inputs;
  const shape = context.shapeOf(input);
  const slices = slicing(node, shape, context.constants);
  const starts = context.constants.integers(startsName);
  const ends = context.constants.integers(endsName);
  if (slices === null || starts === null || ends === null) return node;
  const axes = axesName === '' ? starts.map((_, axis) => axis) : (context.constants.integers(axesName) ?? []);
  const shrink = (given: readonly number[], pick: 'start' | 'end'): number[] =>
    given.map((value, at) => {
      const axis = axisFromEnd(axes[at] ?? 0, shape.length);
      const kept = context.keptAlong(input, axis);
      const place = slices[axis]?.[pick] ?? 0;
      return kept === null ? value : kept.filter(index => index < place).length;
    });
  const started = withIntegers(node, context, 1, 'starts', starts, shrink(starts, 'start'));
  return withIntegers(started, context, 2, 'ends', ends, shrink(ends, 'end'));
}

function shrinkPad(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [input = '', padsName = '', , axesName = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const shape = context.shapeOf(input);
  const pads = context.constants.integers(padsName);
  const wide = padding(node, shape.length, context.constants);
  if (pads === null || wide === null) return node;
  const axes = axesName === '' ? shape.map((_, axis) => axis) : (context.constants.integers(axesName) ?? []);
  const shrunk = [...pads];
  axes.forEach((each, at) => {
    const axis = axisFromEnd(each, shape.length);
    const kept = context.keptAlong(output, axis);
    const before = wide[axis]?.before ?? 0;
    if (kept === null) return;
    const end = before + (shape[axis] ?? 0);
    shrunk[at] = kept.filter(index => index < before).length;
    shrunk[at + axes.length] = kept.filter(index => index >= end).length;
  });
  return withIntegers(node, context, 1, 'pads', pads, shrunk);
}

function shrinkGather(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [input = '', indicesName = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const shape = context.shapeOf(input);
  const axis = axisFromEnd(integerAttribute(node, 'axis', 0), shape.length);
  const kept = context.keptAlong(input, axis);
  const indices = context.constants.integers(indicesName);
  if (kept === null || indices === null) return node;
  const keptOutputs = context.keptAlong(output, axis);
  const chosen = keptOutputs === null ? indices : Array.from(keptOutputs, index => indices[index] ?? 0);
  const moved = chosen.map(index => kept.indexOf(axisFromEnd(index, shape[axis] ?? 0)));
  return withIntegers(node, context, 1, 'indices', indices, moved);
}

function shrinkResize(node: OnnxNode, context: ShrinkContext): OnnxNode {
  const [input = '', , , sizesName = ''] = node.inputs;
  const sizes = context.constants.integers(sizesName);
  if (sizes === null) return node;
  const rank = context.shapeOf(input).length;
  const axes = integersAttribute(node, 'axes') ?? sizes.map((_, axis) => axis);
  const shrunk = sizes.map(
    (size, at) => context.keptAlong(input, axisFromEnd(axes[at] ?? 0, rank))?.length ?? size,
  );
  return withIntegers(node, context, 3, 'sizes', sizes, shrunk);
}

function withAttribute(node: OnnxNode, name: string, value: number): OnnxNode {
  const attributes = node.attributes.filter(attribute => attribute.name !== name);
  return {...node, attributes: [...attributes, createAttribute(name, {int: BigInt(value)})]};
}

/** The node reading `after` at `place`; others may go on reading the constant it read before. */
function withIntegers(
  node: OnnxNode,
  context: ShrinkContext,
  place: number,
  hint: string,
  before: readonly number[],
  after: readonly number[],
): OnnxNode {
  if (before.length === after.length && before.every((value, at) => value === after[at])) return node;
  const inputs = [...node.inputs];
  while (inputs.length < place) inputs.push('');
  inputs[place] = context.addIntegers(`${node.name}/${hint}`, after);
  return {...node, inputs};
}
