import type {OnnxNode} from '../onnx/messages.ts';
import {CannotConvert, unchanged, type Conversion, type Converted, type Scope} from './conversion.ts';
import {
  attributeOf,
  baseNameOf,
  constantNode,
  textAttribute,
  withAttribute,
  withInput,
  withoutAttributes,
  type ConstantValue,
} from './nodeParts.ts';

/** A list of integers (axes, split) becomes the input at `place`; an absent or empty one means "all" before and after. */
export function integersToInput(attribute: string, place: number): Conversion {
  return (node, scope) => {
    const values = attributeOf(node, attribute)?.ints ?? [];
    const moved = new Map(
      values.length === 0 ? [] : [[place, {attribute, value: {elementType: 'int64', values} as const}]],
    );
    return moveToInputs(node, [attribute], moved, scope);
  };
}

/** Split-18 wants to be told into how many parts, where it is not told into which. */
export const splitIntoEqualParts: Conversion = node => {
  const isTold = node.inputs[1] !== undefined && node.inputs[1] !== '';
  if (isTold) return unchanged(node);
  const count = BigInt(node.outputs.length);
  return {node: withAttribute(node, 'num_outputs', {int: count}), what: 'num_outputs is written out'};
};

export const sliceRangesToInputs: Conversion = (node, scope) => {
  const starts = attributeOf(node, 'starts')?.ints ?? [];
  const ends = attributeOf(node, 'ends')?.ints ?? [];
  // Later versions say "all axes" where none are named; Slice-1 meant the first ones.
  const named = attributeOf(node, 'axes')?.ints ?? [];
  const axes = named.length > 0 ? named : starts.map((_, axis) => BigInt(axis));
  const inputs = Object.entries({starts, ends, axes}).map(
    ([attribute, values], index) =>
      [index + 1, {attribute, value: {elementType: 'int64', values} as const}] as const,
  );
  return moveToInputs(node, ['starts', 'ends', 'axes'], new Map(inputs), scope);
};

export const topCountToInput: Conversion = (node, scope) => {
  const count = attributeOf(node, 'k')?.int;
  if (count === undefined) throw new CannotConvert('it does not say how many elements it wants');
  const value = {elementType: 'int64', values: [count]} as const;
  return moveToInputs(node, ['k'], new Map([[1, {attribute: 'k', value}]]), scope);
};

/** DFT-17 counts axis 1 where none is given, DFT-20 the last but one. */
export const fourierAxisToInput: Conversion = (node, scope) => {
  const axis = attributeOf(node, 'axis')?.int ?? 1n;
  const value = {elementType: 'int64', values: [axis], isScalar: true} as const;
  return moveToInputs(node, ['axis'], new Map([[2, {attribute: 'axis', value}]]), scope);
};

export const scalesToInput: Conversion = (node, scope) => {
  const values = attributeOf(node, 'scales')?.floats ?? [];
  const value = {elementType: 'float32', values} as const;
  return moveToInputs(node, ['scales'], new Map([[1, {attribute: 'scales', value}]]), scope);
};

/** A bound that is not given stays so: the least and greatest number of the type, before and after. */
export const clipBoundsToInputs: Conversion = (node, scope) => {
  const moved = new Map<number, MovedAttribute>();
  for (const [index, attribute] of ['min', 'max'].entries()) {
    const bound = attributeOf(node, attribute)?.float;
    if (bound !== undefined) moved.set(index + 1, {attribute, value: scalarOfInputsType(bound, node, scope)});
  }
  return moveToInputs(node, ['min', 'max'], moved, scope);
};

export const padsToInputs: Conversion = (node, scope) => {
  const pads = attributeOf(node, 'pads')?.ints ?? [];
  const moved = new Map<number, MovedAttribute>([
    [1, {attribute: 'pads', value: {elementType: 'int64', values: pads}}],
  ]);
  const value = attributeOf(node, 'value')?.float ?? 0;
  const isConstant = (textAttribute(node, 'mode') ?? 'constant') === 'constant';
  // −0 is a number of its own: "not given" means +0.
  if (isConstant && !Object.is(value, 0))
    moved.set(2, {attribute: 'value', value: scalarOfInputsType(value, node, scope)});
  return moveToInputs(node, ['pads', 'value'], moved, scope);
};

export const dropoutRatioToInput: Conversion = (node, scope) => {
  const plain = withoutDropoutMask(node, scope).node;
  const ratio = attributeOf(plain, 'ratio')?.float;
  const moved = new Map<number, MovedAttribute>();
  if (ratio !== undefined) {
    moved.set(1, {
      attribute: 'ratio',
      value: {elementType: 'float32', values: [ratio], isScalar: true},
    });
  }
  return moveToInputs(plain, ['ratio'], moved, scope);
};

/** The mask was a float tensor before version 10 and, when nothing is dropped, left unset before version 12. */
export const withoutDropoutMask: Conversion = (node, scope) => {
  const [output = '', mask = ''] = node.outputs;
  if (node.outputs.length < 2) return unchanged(node);
  if (mask !== '' && scope.isRead(mask)) throw new CannotConvert('its mask is used');
  return {node: {...node, outputs: [output]}, what: 'the mask, which nothing reads, is left out'};
};

interface MovedAttribute {
  readonly attribute: string;
  readonly value: ConstantValue;
}

function scalarOfInputsType(value: number, node: OnnxNode, scope: Scope): ConstantValue {
  const [data = ''] = node.inputs;
  const elementType = scope.elementTypeOf(data);
  if (elementType === undefined)
    throw new CannotConvert(`the element type of its input "${data}" is not known`);
  // The attribute has single precision, whatever the input has.
  return {elementType, values: [Math.fround(value)], isScalar: true};
}

/** Drops the attributes; for each of `moved`, by place, a constant is read instead. */
function moveToInputs(
  node: OnnxNode,
  attributes: readonly string[],
  moved: ReadonlyMap<number, MovedAttribute>,
  scope: Scope,
): Converted {
  let converted = withoutAttributes(node, ...attributes);
  const before: OnnxNode[] = [];
  const names: string[] = [];
  for (const [place, {attribute, value}] of moved) {
    const constant = constantNode(`${baseNameOf(node)}/${attribute}`, value, scope);
    before.push(constant.node);
    names.push(attribute);
    converted = withInput(converted, place, constant.name);
  }
  if (moved.size === 0 && converted.attributes.length === node.attributes.length) return unchanged(node);
  const what = names.length === 0 ? `${attributes.join(', ')} left out` : `${names.join(', ')} became inputs`;
  return {node: converted, before, what};
}
