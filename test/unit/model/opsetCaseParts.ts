import type {ElementType} from '../../../src/documents/elementTypes.ts';
import type {NamedTensors, Tensor} from '../../../src/documents/tensor.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
  type AttributeValue,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxGraph, OnnxModel, OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';

export type Values = Readonly<
  Record<string, number | bigint | string | readonly (number | bigint)[] | OnnxGraph>
>;

/** Whole numbers of type bigint become integer attributes, others floats. */
export function attributesFrom(values: Values): OnnxNode['attributes'] {
  return Object.entries(values).map(([name, value]) => createAttribute(name, valueFrom(value)));
}

function valueFrom(value: Values[string]): AttributeValue {
  if (typeof value === 'bigint') return {int: value};
  if (typeof value === 'number') return {float: value};
  if (typeof value === 'string') return {string: new TextEncoder().encode(value)};
  if ('nodes' in value) return {graph: value};
  return typeof value[0] === 'number' ? {floats: value as number[]} : {ints: value as bigint[]};
}

/** `x` and what else is fed, in a model of one opset; every output is only named. */
export interface OpsetCase {
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly outputs?: readonly string[];
  readonly weights?: readonly OnnxTensor[];
  readonly feeds: NamedTensors;
  /** Declared sizes of inputs, where not those of the feeds. */
  readonly dims?: Readonly<Record<string, readonly (number | string)[]>>;
}

export function modelOfCase({
  opset,
  nodes,
  outputs = ['y'],
  weights = [],
  feeds,
  dims,
}: OpsetCase): OnnxModel {
  return createModel(
    createGraph({
      nodes,
      initializers: weights,
      inputs: Object.entries(feeds).map(([name, {elementType, shape}]) =>
        createValueInfo(name, elementType, dims?.[name] ?? shape),
      ),
      outputs: outputs.map(createUntypedValueInfo),
    }),
    {opsetImports: [{domain: '', version: opset, unknown: []}]},
  );
}

/** One layer called `layer` that makes `y`. */
export function oneNode(
  operator: string,
  values: Values = {},
  inputs: readonly string[] = ['x'],
  outputs: readonly string[] = ['y'],
): OnnxNode {
  return createNode(operator, inputs, outputs, {name: 'layer', attributes: attributesFrom(values)});
}

/** Seeded numbers in [-2, 2), multiples of 1/64, some of them equal. */
export function numbers(shape: readonly number[], elementType: ElementType = 'float32', seed = 1): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  let state = seed;
  const values = Array.from({length: count}, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return ((state >>> 16) % 256) / 64 - 2;
  });
  const bytes =
    elementType === 'float64' ? Float64Array.from(values).buffer : Float32Array.from(values).buffer;
  return {elementType, shape, bytes: new Uint8Array(bytes)};
}

export function floatsIn(shape: readonly number[], values: readonly number[]): Tensor {
  return {elementType: 'float32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer)};
}

export function integersIn(shape: readonly number[], values: readonly number[]): Tensor {
  return {
    elementType: 'int64',
    shape,
    bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  };
}
