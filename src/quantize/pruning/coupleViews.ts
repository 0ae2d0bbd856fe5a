import {integerAttribute, integersAttribute, textAttribute} from '../nodeAttributes.ts';
import {
  axisFromEnd,
  endsOf,
  inputAt,
  refuseAxis,
  refuseLayer,
  shapeOf,
  type CouplingContext,
  type CouplingRule,
} from './couplingContext.ts';
import {indexInPart, reshapeBlocks} from './reshapeBlocks.ts';
import {padding} from './padding.ts';
import {slicing} from './slicing.ts';

/** Operators that only move values: which index of the output is which index of an input. */
export const VIEW_RULES: Readonly<Record<string, CouplingRule>> = {
  Reshape: context => {
    if (context.constants.integers(inputAt(context, 1) ?? '') === null)
      refuseLayer(context, 'shape-computed');
    else coupleReshape(context);
  },
  Flatten: coupleReshape,
  Squeeze: coupleReshape,
  Unsqueeze: coupleReshape,
  Transpose: coupleTranspose,
  Concat: coupleConcat,
  Split: coupleSplit,
  Slice: coupleSlice,
  Pad: couplePad,
  Gather: coupleGather,
  Resize: coupleResize,
};

/** Of axes that become one, or of one that becomes several, one can carry channels. */
function coupleReshape(context: CouplingContext): void {
  const {coupling} = context;
  const {x, y} = endsOf(context);
  const from = shapeOf(context, x);
  const to = shapeOf(context, y);
  const blocks = reshapeBlocks(from, to);
  if (blocks === null) {
    refuseLayer(context, 'reshape-mixes-axes');
    return;
  }
  for (const block of blocks) {
    if (block.from.length > 1 && block.to.length > 1) {
      for (const axis of block.from) refuseAxis(context, x, axis, 'reshape-mixes-axes');
      for (const axis of block.to) refuseAxis(context, y, axis, 'reshape-mixes-axes');
      continue;
    }
    const [many, manyShape, manyAxes, one, oneAxis] =
      block.to.length === 1
        ? ([x, from, block.from, y, block.to[0] as number] as const)
        : ([y, to, block.to, x, block.from[0] as number] as const);
    // Positions are known as such by now. Of an axis that is split into groups the channel of a group is taken.
    const live = manyAxes.filter(axis => coupling.isLive(many, axis));
    const carrier = block.to.length === 1 ? (live.length === 1 ? live[0] : undefined) : live.at(-1);
    for (const axis of manyAxes) {
      if (axis !== carrier) refuseAxis(context, many, axis, 'reshape-mixes-axes');
    }
    if (carrier === undefined) refuseAxis(context, one, oneAxis, 'reshape-mixes-axes');
    else {
      indexInPart(manyShape, manyAxes, carrier).forEach((part, index) =>
        coupling.join(one, oneAxis, index, many, carrier, part),
      );
    }
  }
}

function coupleTranspose(context: CouplingContext): void {
  const {coupling, layer} = context;
  const {x, y} = endsOf(context);
  const {length} = shapeOf(context, x);
  const order = integersAttribute(layer.node, 'perm') ?? Array.from({length}, (_, axis) => length - 1 - axis);
  order.forEach((from, to) => coupling.joinAxes(x, from, y, to));
}

function coupleConcat(context: CouplingContext): void {
  const {layer} = context;
  const {y} = endsOf(context);
  const axis = axisFromEnd(integerAttribute(layer.node, 'axis', 1), shapeOf(context, y).length);
  let offset = 0;
  for (const input of layer.node.inputs) {
    offset += joinPart(context, {part: input, whole: y, axis, offset});
  }
}

function coupleSplit(context: CouplingContext): void {
  const {layer, constants} = context;
  const {x} = endsOf(context);
  const sizes = inputAt(context, 1);
  if (sizes !== undefined && constants.integers(sizes) === null) {
    refuseLayer(context, 'shape-computed');
    return;
  }
  if (layer.outputs.length < layer.node.outputs.length) {
    // The size of a part that is left out is nowhere.
    refuseLayer(context, 'shape-unknown');
    return;
  }
  const axis = axisFromEnd(integerAttribute(layer.node, 'axis', 0), shapeOf(context, x).length);
  let offset = 0;
  for (const output of layer.node.outputs) {
    offset += joinPart(context, {part: output, whole: x, axis, offset});
  }
}

/** Joins a part with its place in the whole along `axis` and all other axes one by one; gives the part's size. */
function joinPart(
  context: CouplingContext,
  {part, whole, axis, offset}: {part: string; whole: string; axis: number; offset: number},
): number {
  const {coupling} = context;
  const shape = shapeOf(context, part);
  shape.forEach((size, each) => {
    for (let index = 0; index < size; index += 1)
      coupling.join(part, each, index, whole, each, each === axis ? offset + index : index);
  });
  return shape[axis] ?? 0;
}

function coupleSlice(context: CouplingContext): void {
  const {coupling, layer, constants} = context;
  const {x, y} = endsOf(context);
  const shape = shapeOf(context, x);
  const slices = slicing(layer.node, shape, constants);
  if (slices === null) {
    refuseLayer(context, 'shape-computed');
    return;
  }
  shape.forEach((_, axis) => {
    const {start, step} = slices[axis] ?? {start: 0, step: 1};
    for (let index = 0; index < (shapeOf(context, y)[axis] ?? 0); index += 1)
      coupling.join(x, axis, start + index * step, y, axis, index);
    // Every second of fewer channels would be other channels.
    if (step !== 1) refuseAxis(context, x, axis, 'strided-slice');
  });
}

/** Channels that are padding have no origin; they can go, too. */
function couplePad(context: CouplingContext): void {
  const {coupling, layer, constants} = context;
  const {x, y} = endsOf(context);
  const shape = shapeOf(context, x);
  const pads = padding(layer.node, shape.length, constants);
  if (pads === null) {
    refuseLayer(context, 'shape-computed');
    return;
  }
  const mode = textAttribute(layer.node, 'mode') || 'constant';
  shape.forEach((size, axis) => {
    const {before, after} = pads[axis] ?? {before: 0, after: 0};
    for (let index = Math.max(0, -before); index < size - Math.max(0, -after); index += 1)
      coupling.join(x, axis, index, y, axis, index + before);
    const isPlain = (before === 0 && after === 0) || (mode === 'constant' && before >= 0 && after >= 0);
    if (isPlain) return;
    refuseAxis(context, x, axis, 'padding-mode');
    refuseAxis(context, y, axis, 'padding-mode');
  });
}

/** A list of channels that is known: a shuffle. */
function coupleGather(context: CouplingContext): void {
  const {coupling, layer, constants} = context;
  const {x, y} = endsOf(context);
  const indices = inputAt(context, 1) ?? '';
  const rank = shapeOf(context, x).length;
  const axis = axisFromEnd(integerAttribute(layer.node, 'axis', 0), rank);
  const chosen = constants.integers(indices);
  if (chosen === null || shapeOf(context, indices).length !== 1) {
    refuseLayer(context, 'shape-computed');
    return;
  }
  const size = shapeOf(context, x)[axis] ?? 0;
  for (let each = 0; each < rank; each += 1) {
    if (each !== axis) coupling.joinAxes(x, each, y, each);
  }
  chosen.forEach((from, index) => coupling.join(x, axis, axisFromEnd(from, size), y, axis, index));
}

/** Axes that keep their size keep their channels; the others are pictures. */
function coupleResize(context: CouplingContext): void {
  const {coupling, layer, constants} = context;
  const {x, y} = endsOf(context);
  const scales = inputAt(context, 2);
  const sizes = inputAt(context, 3);
  // A scale next to 1 may leave the size as it is, and so may a crop.
  const isPlain =
    (textAttribute(layer.node, 'keep_aspect_ratio_policy') || 'stretch') === 'stretch' &&
    (textAttribute(layer.node, 'coordinate_transformation_mode') || 'half_pixel') !== 'tf_crop_and_resize';
  const factors = scales === undefined ? [] : constants.floats(scales);
  if (!isPlain || factors === null || (sizes !== undefined && constants.integers(sizes) === null)) {
    refuseLayer(context, 'shape-computed');
    return;
  }
  const before = shapeOf(context, x);
  const after = shapeOf(context, y);
  const axes = integersAttribute(layer.node, 'axes') ?? before.map((_, axis) => axis);
  const factorOf = new Map(axes.map((axis, at) => [axisFromEnd(axis, before.length), factors[at] ?? 1]));
  before.forEach((size, axis) => {
    if (size === after[axis] && (factorOf.get(axis) ?? 1) === 1) coupling.joinAxes(x, axis, y, axis);
    else for (const tensor of [x, y]) refuseAxis(context, tensor, axis, 'position');
  });
}
