import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import type {CandidateBuild} from './target.ts';

/**
 * What TensorRT fuses from explicit QuantizeLinear/DequantizeLinear pairs: symmetric int8, pairs on the weights, and no
 * rounding between a weighted layer and what TensorRT fuses behind it. Operators that only move data are not here:
 * TensorRT takes the pairs through them by itself.
 * @see https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-quantized-types.html, "Q/DQ
 * Layer-Placement Recommendations"; NVIDIA/Model-Optimizer, modelopt/onnx/quantization (0.40: int8.py, graph_utils.py)
 */
export const TENSORRT_SCHEME: QuantizationScheme = {
  activations: {elementType: 'int8', isSymmetric: true},
  weights: {elementType: 'int8', isPerChannel: true, bits: 8, isPairOnWeights: true},
  bias: 'float',
  operators: {
    Conv: {kind: 'weighted'},
    ConvTranspose: {kind: 'weighted'},
    Gemm: {kind: 'weighted'},
    MatMul: {kind: 'weighted'},
    Relu: {kind: 'absorbed'},
    Clip: {kind: 'absorbed'},
    Add: {kind: 'own-scales'},
    Mul: {kind: 'own-scales'},
    // Joined, the concatenation itself disappears: its inputs are written where they belong.
    Concat: {kind: 'joined-scale'},
    MaxPool: {kind: 'same-scale'},
    AveragePool: {kind: 'own-output'},
    GlobalAveragePool: {kind: 'own-output'},
  },
  // Tensor cores work on tiles of 16 (_MIN_MATMUL_DIM of Model-Optimizer); below, products are faster in half precision.
  smallestMatMulSide: 16,
  leavesWeightedOutputs: true,
  quantizesSkipInputOnly: true,
};

/**
 * 4-bit weights for language models: TensorRT takes blocks along the depth of a product, without zero points and
 * without a block that is cut short; 128 is what NVIDIA's own tool writes. @see NVIDIA/Model-Optimizer, modelopt/onnx/quantization/int4.py
 */
export const TENSORRT_INT4: CandidateBuild = {
  name: 'int4-weights',
  precision: 'int4-weights',
  reason: 'models that read more weights than they compute are as fast as their weights are small',
  suits: 'matrix-products',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'basic',
  blocks: {bits: 4, blockSize: 128, isSymmetric: true, format: 'dequantize', wholeBlocks: [128, 64]},
};
