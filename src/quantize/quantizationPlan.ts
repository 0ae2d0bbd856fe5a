import type {IntegerType} from '../documents/quantizationScheme.ts';

/** The smallest and largest value of a tensor, as far as its quantisation is to represent them. */
export interface TensorRange {
  readonly min: number;
  readonly max: number;
}

/** real = scale · (integer − zeroPoint). `scale` is exactly representable as float32. */
export interface QuantizationParameters {
  readonly elementType: IntegerType;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A layer whose weights become integers. */
export interface WeightedLayer {
  readonly layer: string;
  /** Tensor names in the float graph. */
  readonly input: string;
  readonly weight: string;
  readonly bias: string | null;
  /** The tensor that carries the quantised result: the output of an absorbed Relu or Clip, or the layer's own. */
  readonly output: string;
  /** The layer's own output in the float graph, before anything absorbed. */
  readonly ownOutput: string;
  /** Axis of the weight's output channels. */
  readonly channelAxis: number;
}

/** What will be quantised, and why the rest will not. Made from graph and scheme alone; ranges come later. */
export interface QuantizationPlan {
  /** Activation tensors by name; equal groups share scale and zero point. */
  readonly activations: ReadonlyMap<string, {readonly group: number; readonly fixed?: TensorRange}>;
  /** In graph order. */
  readonly weighted: readonly WeightedLayer[];
  /** Relu and Clip layers that disappear into the quantisation of their input, by name. */
  readonly absorbed: ReadonlySet<string>;
  /** Layers that compute on integers, in graph order (weighted ones included). */
  readonly quantizedLayers: readonly string[];
  /** Every other layer, with the reason. */
  readonly floatLayers: readonly {readonly layer: string; readonly reason: FloatReason}[];
}

export type FloatReason =
  /** The target's table has no rule for the operator, or its kernel does not take this form of it. */
  | 'no-kernel'
  /** Its tensors are of another type: shapes, masks, fp16. */
  | 'not-float32'
  /** What it reads comes from float layers; rounding that for it would cost more than it saves. */
  | 'input-in-float'
  /** What reads its result computes in float. */
  | 'output-in-float'
  /** After the last weighted layer, where outputs take shape: rounding there is not made good by anything that follows. */
  | 'decode-tail'
  | 'weights-not-constant'
  | 'too-small'
  | 'asked-for'
  | 'accuracy';

/** Integer weights, zero point 0; value = scale of the channel · integer. */
export interface QuantizedWeights {
  readonly values: Int8Array;
  readonly scales: Float32Array;
}

/** Values that replace what plain rounding would give; all keyed by the weighted layer's name. */
export interface CorrectedValues {
  /** Float biases, one number per output channel; layers without a bias get one. */
  readonly biases: ReadonlyMap<string, Float32Array>;
  /** In the layout of the weight tensor, with one scale per output channel (or one in all). */
  readonly weights: ReadonlyMap<string, QuantizedWeights>;
}
