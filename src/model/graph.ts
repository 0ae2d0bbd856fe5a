import type {ElementType} from '../documents/elementTypes.ts';
import type {OnnxModel, OnnxNode} from './onnx/messages.ts';

/** A model's layers and tensors, ready for reasoning: order, who makes and who uses what. */
export interface Graph {
  readonly model: OnnxModel;
  /** In topological order; `index` is the place in this list. */
  readonly layers: readonly Layer[];
  /** Every tensor of the outer graph by name, weights included; those inside subgraphs are not here. */
  readonly tensors: ReadonlyMap<string, GraphTensor>;
  /** The inputs a caller must give: initialisers listed among the inputs are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface Layer {
  readonly index: number;
  readonly name: string;
  readonly operator: string;
  /** '' for the standard operators. */
  readonly domain: string;
  /** Names without the '' of left-out optional ones; `node` has them in place. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Outer tensors read by the bodies of If, Loop, Scan and SequenceMap, however deep; not repeated from `inputs`. */
  readonly outerInputs: readonly string[];
  readonly node: OnnxNode;
}

export interface GraphTensor {
  readonly name: string;
  /** Index of a layer; `null` for inputs and weights. */
  readonly producer: number | null;
  /** Indices of layers, ascending, each once; reading from inside a subgraph counts. */
  readonly consumers: readonly number[];
  /** A caller gives it. */
  readonly isInput: boolean;
  readonly isOutput: boolean;
  /** An initialiser, also when listed among the inputs. */
  readonly isWeight: boolean;
  /** A weight kept as indices and values: it cannot be read or moved as a dense tensor. */
  readonly isSparse: boolean;
  /** False for sequences, maps and optionals. */
  readonly isTensor: boolean;
  readonly elementType?: ElementType;
  /** Only when every size is known. */
  readonly shape?: readonly number[];
  /** As declared: a string is a symbolic size, `null` an unknown one. */
  readonly dims?: readonly (number | string | null)[];
}
