import type {OnnxNode} from '../../model/onnx/messages.ts';

/** A list attribute of a node, where it has one. */
export function integersAttribute(node: OnnxNode, name: string): number[] | undefined {
  return node.attributes.find(one => one.name === name)?.ints.map(Number);
}

/** A text attribute of a node; '' where there is none. */
export function textAttribute(node: OnnxNode, name: string): string {
  return new TextDecoder().decode(node.attributes.find(one => one.name === name)?.string);
}
