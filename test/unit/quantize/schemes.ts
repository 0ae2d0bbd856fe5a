import type {OperatorRule, QuantizationScheme} from '../../../src/documents/quantizationScheme.ts';

const WEIGHTED: OperatorRule = {kind: 'weighted'};
const WEIGHTED_TO_FLOAT: OperatorRule = {kind: 'weighted', canGiveFloat: true};
const OWN_SCALES: OperatorRule = {kind: 'own-scales'};
const OWN_OUTPUT: OperatorRule = {kind: 'own-output'};
const SAME_SCALE: OperatorRule = {kind: 'same-scale'};
const ABSORBED: OperatorRule = {kind: 'absorbed'};

/** Unsigned activations and signed weights, with the operators that ONNX Runtime's CPU provider has kernels for. */
export const U8S8: QuantizationScheme = {
  activations: {elementType: 'uint8', isSymmetric: false},
  weights: {elementType: 'int8', isPerChannel: true, bits: 8, isPairOnWeights: false},
  bias: 'int32',
  operators: {
    Conv: WEIGHTED,
    Gemm: {kind: 'weighted', canGiveFloat: 'unless-activated'},
    MatMul: WEIGHTED_TO_FLOAT,
    Relu: ABSORBED,
    Clip: ABSORBED,
    Add: OWN_SCALES,
    Mul: OWN_SCALES,
    Where: OWN_SCALES,
    Concat: OWN_SCALES,
    AveragePool: OWN_OUTPUT,
    GlobalAveragePool: OWN_OUTPUT,
    LeakyRelu: OWN_OUTPUT,
    Sigmoid: OWN_OUTPUT,
    Softmax: {kind: 'fixed-output', min: 0, max: 1},
    Flatten: SAME_SCALE,
    Gather: SAME_SCALE,
    MaxPool: SAME_SCALE,
    Reshape: SAME_SCALE,
    Resize: SAME_SCALE,
    Slice: SAME_SCALE,
    Split: SAME_SCALE,
    Squeeze: SAME_SCALE,
    Transpose: SAME_SCALE,
    Unsqueeze: SAME_SCALE,
  },
};

/** Symmetric, activations stay between the layers, a Concat has one scale: as accelerators want it. */
export const SYMMETRIC: QuantizationScheme = {
  ...U8S8,
  activations: {elementType: 'int8', isSymmetric: true},
  weights: {...U8S8.weights, isPairOnWeights: true},
  bias: 'float',
  operators: {...U8S8.operators, ConvTranspose: WEIGHTED, Concat: {kind: 'joined-scale'}},
  leavesWeightedOutputs: true,
  quantizesSkipInputOnly: true,
  smallestMatMulSide: 2,
};
