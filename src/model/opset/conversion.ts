import type {ElementType} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import type {OnnxNode} from '../onnx/messages.ts';

/** What is known where a node stands: its graph, the graphs around it and what was measured. */
export interface Scope {
  elementTypeOf(name: string): ElementType | undefined;
  /** Only when every size is known. */
  shapeOf(name: string): readonly number[] | undefined;
  /** The value of an initialiser or a Constant node. */
  constantOf(name: string): Tensor | undefined;
  /** By a node, a body or as an output of the graph. */
  isRead(name: string): boolean;
  /** A tensor name that no other tensor of the model has. */
  freshName(base: string): string;
}

export interface Converted {
  readonly node: OnnxNode;
  /** Nodes whose results the node reads; of operators that do not change any more. */
  readonly before?: readonly OnnxNode[];
  readonly after?: readonly OnnxNode[];
  /** `null`: nothing had to be changed. */
  readonly what: string | null;
  /** Where the node is of a later version already than the one converted to. */
  readonly version?: number;
}

/** Makes a node of the operator's version before into one of the version it is registered for. @throws CannotConvert */
export type Conversion = (node: OnnxNode, scope: Scope) => Converted;

/** Why one node cannot be written in a later version; the message goes on from "…: ". */
export class CannotConvert extends Error {}

export function unchanged(node: OnnxNode): Converted {
  return {node, what: null};
}
