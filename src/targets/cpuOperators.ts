import type {OperatorRule} from '../documents/quantizationScheme.ts';

const OWN_SCALES: OperatorRule = {kind: 'own-scales'};
const OWN_OUTPUT: OperatorRule = {kind: 'own-output'};
const SAME_SCALE: OperatorRule = {kind: 'same-scale'};
/** MatMulIntegerToFloat, and QGemm below; there is no QLinearConv that gives float. */
const WEIGHTED_TO_FLOAT: OperatorRule = {kind: 'weighted', canGiveFloat: true};
const ABSORBED: OperatorRule = {kind: 'absorbed'};

/**
 * What ONNX Runtime's CPU provider computes on 8-bit integers: the pattern DequantizeLinear, operator, QuantizeLinear is
 * replaced by one kernel. Quantising any other operator only adds work. Same on x86 and ARM.
 * @see onnxruntime 1.30, core/optimizer/qdq_transformer/selectors_actions; test/integration/cpuKernels.test.ts asks the
 * runtime itself, operator by operator
 */
export const CPU_OPERATORS: Readonly<Record<string, OperatorRule>> = {
  Conv: {kind: 'weighted'},
  Gemm: {kind: 'weighted', canGiveFloat: 'unless-activated'},
  MatMul: WEIGHTED_TO_FLOAT,
  Relu: ABSORBED,
  Clip: ABSORBED,
  Add: OWN_SCALES,
  Mul: OWN_SCALES,
  Where: OWN_SCALES,
  // QLinearConcat brings every input to the scale of its output: they need not share one.
  Concat: OWN_SCALES,
  AveragePool: OWN_OUTPUT,
  GlobalAveragePool: OWN_OUTPUT,
  LeakyRelu: OWN_OUTPUT,
  Sigmoid: OWN_OUTPUT,
  Softmax: {kind: 'fixed-output', min: 0, max: 1},
  // These move or compare integers as they are; their kernels take no second scale.
  DepthToSpace: SAME_SCALE,
  Expand: SAME_SCALE,
  Flatten: SAME_SCALE,
  Gather: SAME_SCALE,
  GatherElements: SAME_SCALE,
  MaxPool: SAME_SCALE,
  ReduceMax: SAME_SCALE,
  ReduceMin: SAME_SCALE,
  Reshape: SAME_SCALE,
  Resize: SAME_SCALE,
  Slice: SAME_SCALE,
  Split: SAME_SCALE,
  Squeeze: SAME_SCALE,
  Tile: SAME_SCALE,
  Transpose: SAME_SCALE,
  Unsqueeze: SAME_SCALE,
};
