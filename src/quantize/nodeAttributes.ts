import type {OnnxNode} from '../model/onnx/messages.ts';

/** An integer attribute of a node, or what the operator takes where there is none. */
export function integerAttribute(node: OnnxNode, name: string, otherwise: number): number {
  const value = node.attributes.find(attribute => attribute.name === name)?.int;
  return value === undefined ? otherwise : Number(value);
}

/** A float attribute of a node, or what the operator takes where there is none. */
export function floatAttribute(node: OnnxNode, name: string, otherwise: number): number {
  return node.attributes.find(attribute => attribute.name === name)?.float ?? otherwise;
}

/** A list attribute of a node, where it has one. */
export function integersAttribute(node: OnnxNode, name: string): number[] | undefined {
  return node.attributes.find(attribute => attribute.name === name)?.ints.map(Number);
}

/** A text attribute of a node; '' where there is none. */
export function textAttribute(node: OnnxNode, name: string): string {
  return new TextDecoder().decode(node.attributes.find(attribute => attribute.name === name)?.string);
}
