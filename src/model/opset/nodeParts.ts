import type {ElementType} from '../../documents/elementTypes.ts';
import {halfFromFloat} from '../halfPrecision.ts';
import {createAttribute, createNode, type AttributeValue} from '../onnx/createMessages.ts';
import type {OnnxAttribute, OnnxNode} from '../onnx/messages.ts';
import {tensorFromValue} from '../onnx/tensorData.ts';
import {CannotConvert, type Scope} from './conversion.ts';

/**
 * The attribute's value where the node has one.
 * @throws CannotConvert for one that a function takes from its caller: it has no value of its own
 */
export function attributeOf(node: OnnxNode, name: string): OnnxAttribute | undefined {
  const attribute = node.attributes.find(one => one.name === name);
  if (attribute !== undefined && attribute.refAttributeName !== '') {
    throw new CannotConvert(`its attribute ${name} is given by the caller of a function`);
  }
  return attribute;
}

export function textAttribute(node: OnnxNode, name: string): string | undefined {
  const bytes = attributeOf(node, name)?.string;
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

export function withoutAttributes(node: OnnxNode, ...names: readonly string[]): OnnxNode {
  return {...node, attributes: node.attributes.filter(({name}) => !names.includes(name))};
}

export function withAttribute(node: OnnxNode, name: string, value: AttributeValue): OnnxNode {
  const others = node.attributes.filter(one => one.name !== name);
  return {...node, attributes: [...others, createAttribute(name, value)]};
}

export function textValue(text: string): AttributeValue {
  return {string: new TextEncoder().encode(text)};
}

/** The node reading `name` at `place`; left-out inputs before it become ''. */
export function withInput(node: OnnxNode, place: number, name: string): OnnxNode {
  const inputs = Array.from({length: Math.max(place + 1, node.inputs.length)}, (_, index) =>
    index === place ? name : (node.inputs[index] ?? ''),
  );
  return {...node, inputs};
}

export interface ConstantValue {
  readonly elementType: ElementType;
  /** Row-major; of rank 1 unless `isScalar`. */
  readonly values: readonly (number | bigint)[];
  readonly isScalar?: boolean;
}

/** A Constant node, which means the same in graphs, bodies and functions of all versions, and the name of its result. */
export function constantNode(
  base: string,
  value: ConstantValue,
  scope: Scope,
): {node: OnnxNode; name: string} {
  const name = scope.freshName(base);
  const shape = value.isScalar === true ? [] : [value.values.length];
  const tensor = tensorFromValue(name, {elementType: value.elementType, shape, bytes: bytesOf(value)});
  return {node: createNode('Constant', [], [name], {attributes: [createAttribute('value', {tensor})]}), name};
}

/** For naming what is made for a node. */
export function baseNameOf(node: OnnxNode): string {
  return node.name === '' ? (node.outputs[0] ?? node.operator) : node.name;
}

function bytesOf({elementType, values}: ConstantValue): Uint8Array {
  switch (elementType) {
    case 'int64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case 'float32':
      return new Uint8Array(Float32Array.from(values, Number).buffer);
    case 'float64':
      return new Uint8Array(Float64Array.from(values, Number).buffer);
    case 'float16':
      return new Uint8Array(Uint16Array.from(values, value => halfFromFloat(Number(value))).buffer);
    default:
      throw new CannotConvert(`it would need a constant of type ${elementType}`);
  }
}
