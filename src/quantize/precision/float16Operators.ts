/*
 * What the operators of ONNX make of float16. Types by version: the operator schemas of onnx 1.23, opsets 7 to 28; a test
 * compares them with the package.
 */

/** Standard operators whose float tensors cannot be float16 before a version; those on integers are elsewhere. */
export const FLOAT16_SINCE: Readonly<Record<string, number>> = {
  Celu: 28,
  CumSum: 14,
  IsInf: 20,
  NonMaxSuppression: Infinity,
  Range: 27,
  TfIdfVectorizer: Infinity,
};

/** Inputs, by place, that are float32 whatever the others are. */
export function float32Inputs(operator: string, opset: number): readonly number[] {
  if (operator === 'Resize') return [opset < 11 ? 1 : 2];
  return operator === 'Upsample' && opset >= 9 ? [1] : [];
}

/** Outputs, by place, that are float32 whatever the inputs are: means and deviations of normalisations. */
export const FLOAT32_OUTPUTS: Readonly<Record<string, readonly number[]>> = {
  LayerNormalization: [1, 2],
  SimplifiedLayerNormalization: [1],
  SkipLayerNormalization: [1, 2],
  SkipSimplifiedLayerNormalization: [1, 2],
};

/** Of com.microsoft: those that ONNX Runtime makes or that stand in exported models, and that take float16. */
export const CONTRIBUTED_WITH_FLOAT16: ReadonlySet<string> = new Set([
  'Attention',
  'BiasGelu',
  'EmbedLayerNormalization',
  'FastGelu',
  'FusedMatMul',
  'GatherBlockQuantized',
  'Gelu',
  'GroupQueryAttention',
  'MatMulNBits',
  'MultiHeadAttention',
  'QuickGelu',
  'RotaryEmbedding',
  'SkipLayerNormalization',
  'SkipSimplifiedLayerNormalization',
]);

/** They make float32 of no float, or say in an attribute what they make: left as they are. */
export const MAKES_FLOAT32: ReadonlySet<string> = new Set([
  'Bernoulli',
  'BlackmanWindow',
  'ConstantOfShape',
  'EyeLike',
  'HammingWindow',
  'HannWindow',
  'MelWeightMatrix',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** Squares, powers, exponentials and sums without a divisor: 256 squared is already beyond float16. */
export const GROWING: ReadonlySet<string> = new Set([
  'CumProd',
  'CumSum',
  'Det',
  'Exp',
  'GlobalLpPool',
  'LpNormalization',
  'LpPool',
  'MeanVarianceNormalization',
  'Pow',
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
]);

/** What large values pass through as they are, or nearly so. */
export const PASSES_ON: ReadonlySet<string> = new Set([
  'Add',
  'Clip',
  'Expand',
  'Identity',
  'Max',
  'Mean',
  'Min',
  'Mul',
  'Neg',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'Reshape',
  'Squeeze',
  'Sub',
  'Sum',
  'Unsqueeze',
]);

/** What makes ordinary values of large ones, or of ones next to 0, and has to see them in float32 for that. */
export const TAMES: ReadonlySet<string> = new Set([
  'Div',
  'Erf',
  'Log',
  'Reciprocal',
  'Sigmoid',
  'Sqrt',
  'Tanh',
]);

/** Constants beyond float16 mean "all of it" or "none of it" here: bounds, masks, fillings. */
export const CLAMPS_CONSTANTS: ReadonlySet<string> = new Set([
  'Add',
  'Clip',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Max',
  'Min',
  'Pad',
  'Sub',
  'Where',
]);

/** Operators on sequences and optional values, which no cast can turn. */
export const WORKS_ON_SEQUENCES: ReadonlySet<string> = new Set([
  'ConcatFromSequence',
  'Optional',
  'OptionalGetElement',
  'OptionalHasElement',
  'SequenceAt',
  'SequenceConstruct',
  'SequenceEmpty',
  'SequenceErase',
  'SequenceInsert',
  'SequenceLength',
  'SequenceMap',
  'SplitToSequence',
]);
