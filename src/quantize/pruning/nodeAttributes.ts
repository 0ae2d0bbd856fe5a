import type {OnnxNode} from '../../model/onnx/messages.ts';

export function integerAttribute(node: OnnxNode, name: string, fallback: number): number {
  return Number(attribute(node, name)?.int ?? fallback);
}

export function integersAttribute(node: OnnxNode, name: string): number[] | null {
  return attribute(node, name)?.ints.map(Number) ?? null;
}

export function floatAttribute(node: OnnxNode, name: string, fallback: number): number {
  return attribute(node, name)?.float ?? fallback;
}

export function textAttribute(node: OnnxNode, name: string, fallback: string): string {
  const bytes = attribute(node, name)?.string;
  return bytes === undefined ? fallback : new TextDecoder().decode(bytes);
}

function attribute(node: OnnxNode, name: string) {
  return node.attributes.find(one => one.name === name);
}
