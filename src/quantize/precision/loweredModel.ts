import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {FloatReason} from '../quantizationPlan.ts';

/** Why a layer keeps its floats where the rest of the model goes to another precision. */
export type KeptReason =
  | FloatReason
  /** The operator does not take float16 in the model's version of the operators. */
  | 'no-float16'
  /** Activations or weights are outside ±65,504, the range of float16. */
  | 'out-of-range'
  /** A constant, such as the epsilon of a normalisation, would become 0. */
  | 'underflows'
  /** Squares, powers, exponentials and sums, and what is computed of them: beyond float16 before their results are. */
  | 'grows'
  /** Sizes and positions: float16 has no odd number above 2,048. */
  | 'index-arithmetic'
  /** Part of an integer region: what lies between DequantizeLinear and QuantizeLinear, and these themselves. */
  | 'quantized'
  /** It works on sequences, maps or optional values. */
  | 'not-a-tensor'
  /** The weights have more or fewer dimensions than the kernel takes. */
  | 'weights-not-a-matrix'
  /** There is NaN or infinity among the weights. */
  | 'weights-not-finite';

export interface KeptLayer {
  /** The layer's name; inside the body of an If, Loop or Scan that layer's name comes first, then a slash. */
  readonly layer: string;
  readonly reason: KeptReason;
}

export interface Decision {
  readonly decision: string;
  readonly reason: string;
}

/** A model in another precision, and what was decided on the way. */
export interface LoweredModel {
  readonly model: OnnxModel;
  readonly decisions: readonly Decision[];
  /** The layers that have float weights, or multiply matrices, and keep doing so; in graph order. */
  readonly floatLayers: readonly KeptLayer[];
}
