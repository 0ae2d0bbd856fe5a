import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import type {TypeOf} from './elementTypesOf.ts';

/** One graph, or body, as far as precision is decided from it. */
export interface GraphView {
  /** In topological order. */
  readonly nodes: readonly OnnxNode[];
  readonly outputs: ReadonlySet<string>;
  /** By tensor name; bodies that read a tensor count as their outer node. */
  readonly consumers: ReadonlyMap<string, readonly OnnxNode[]>;
  readonly producers: ReadonlyMap<string, OnnxNode>;
  readonly typeOf: TypeOf;
  /** A constant of this graph or one around it. */
  readonly constant: (name: string) => OnnxTensor | undefined;
  readonly layerOf: (node: OnnxNode) => string;
  readonly opset: number;
}
