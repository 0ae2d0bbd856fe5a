/** The integer types a quantised tensor can have. */
export const INTEGER_TYPES = ['uint8', 'int8', 'uint16', 'int16', 'uint4', 'int4'] as const;

export type IntegerType = (typeof INTEGER_TYPES)[number];

/**
 * How a target wants one operator quantised. An operator without a rule stays in float: what a runtime does not fuse
 * costs time instead of saving it.
 */
export type OperatorRule =
  /**
   * Input, constant weight and int32 bias: Conv, ConvTranspose, Gemm, MatMul. `canGiveFloat`: the integer kernel also
   * hands out float, so a result that only float layers read is not rounded; `unless-activated`: not where an activation
   * follows, which the runtime would fuse with the layer first, in float.
   */
  | {readonly kind: 'weighted'; readonly canGiveFloat?: boolean | 'unless-activated'}
  /** Every float input and the output have scales of their own: Add, Mul, MatMul of two activations. */
  | {readonly kind: 'own-scales'}
  /** Only when the input is quantised already; the output has the input's scale: Reshape, MaxPool, Transpose. */
  | {readonly kind: 'same-scale'}
  /** Only when every input is quantised already; inputs and output share one scale: Concat on most accelerators. */
  | {readonly kind: 'joined-scale'}
  /** Only when the input is quantised already; the output has its own scale: AveragePool, Sigmoid. */
  | {readonly kind: 'own-output'}
  /** The values of the output are known beforehand: Softmax. */
  | {readonly kind: 'fixed-output'; readonly min: number; readonly max: number}
  /** Becomes part of the quantisation of the layer before, when nothing else reads that layer: Relu, Clip. */
  | {readonly kind: 'absorbed'};

/** What a target's integer kernels take. Pure data: a target is a table, not a program. */
export interface QuantizationScheme {
  readonly activations: {
    readonly elementType: 'uint8' | 'int8' | 'uint16' | 'int16';
    /** Symmetric: zero point 0 (128 for uint8). */
    readonly isSymmetric: boolean;
  };
  readonly weights: {
    readonly elementType: 'int8' | 'uint8';
    readonly isPerChannel: boolean;
    /** 7: half the range, where a multiply-add of two 8-bit products saturates at 16 bits. */
    readonly bits: 8 | 7;
    /**
     * Of 7 bits: it is the products of neighbours, as ONNX Runtime lays out weights, that are added in 16 bits, so that 8
     * bits do where no two neighbours are both large.
     */
    readonly addsNeighbours?: boolean;
    /** Whether the file holds a QuantizeLinear/DequantizeLinear pair on float weights instead of integers. */
    readonly isPairOnWeights: boolean;
    /**
     * Leaves out zero points of 0, which the format allows. OpenVINO 2026.4 computes a whole model in float when
     * convolutions and matrix products share the constant; ONNX Runtime 1.30 wants it for QGemm.
     */
    readonly omitsZeroPoint?: boolean;
  };
  readonly bias: 'int32' | 'float';
  /** The runtime computes constants before it fuses: scales that follow from others need not be stored. */
  readonly computesConstants?: boolean;
  /** The runtime makes integer layers of float ones between integers: those that shall stay in float are guarded. */
  readonly quantizesFloatLayers?: boolean;
  /** The runtime moves integer layers channels-last, from integer convolutions on: skip connections are anchored there. */
  readonly movesChannelsLast?: boolean;
  /** Keyed by operator of the standard domain. */
  readonly operators: Readonly<Record<string, OperatorRule>>;
  /** Layers whose weights are smaller than this many columns or rows run faster in float: GEMV on TensorRT. */
  readonly smallestMatMulSide?: number;
  /**
   * Products whose input is a matrix of so many rows (or of an unknown number) stay in float: the vendor's kernels compute
   * them wrongly. OpenVINO 2026.4: 4, 6 and 8, see docs/compilers.md.
   */
  readonly miscomputedMatrixRows?: readonly number[];
  /** Outputs of weighted layers are left in float where the next layer takes float: TensorRT. */
  readonly leavesWeightedOutputs?: boolean;
  /** At an Add of a skip connection only the skip side is quantised: TensorRT. */
  readonly quantizesSkipInputOnly?: boolean;
  /**
   * A layer in float leaves the accelerator, and what goes there and back costs more than the layer: none is left in float
   * for accuracy's sake alone, however few multiply-adds it has.
   */
  readonly isIntegerThroughout?: boolean;
}
