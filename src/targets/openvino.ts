import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import type {CandidateBuild, TargetDefinition} from './target.ts';

/** Features of processors whose multiply-adds of bytes do not saturate at 16 bits. */
const VNNI = ['avx512_vnni', 'avx_vnni', 'amx_int8'];

/**
 * What OpenVINO's low precision transformations take on CPUs: asymmetric uint8 activations, symmetric int8 weights per
 * channel. They carry scales through whatever moves data. A ConvTranspose computes on integers where its input has the
 * zero point 0, after a Relu.
 * @see https://docs.openvino.ai/2026, "OpenVINO Low Precision Transformations"; test/interoperability/openvino.test.ts asks
 * the runtime itself which layers it computes on integers
 */
const SCHEME: QuantizationScheme = {
  activations: {elementType: 'uint8', isSymmetric: false},
  weights: {elementType: 'int8', isPerChannel: true, bits: 8, isPairOnWeights: false, omitsZeroPoint: true},
  bias: 'float',
  operators: {
    Conv: {kind: 'weighted', canGiveFloat: true},
    ConvTranspose: {kind: 'weighted', canGiveFloat: true},
    Gemm: {kind: 'weighted', canGiveFloat: true},
    MatMul: {kind: 'weighted', canGiveFloat: true},
    Relu: {kind: 'absorbed'},
    Clip: {kind: 'absorbed'},
    Add: {kind: 'own-scales'},
    Mul: {kind: 'own-scales'},
    Concat: {kind: 'joined-scale'},
    AveragePool: {kind: 'own-output'},
    GlobalAveragePool: {kind: 'own-output'},
    ReduceMean: {kind: 'own-output'},
    DepthToSpace: {kind: 'same-scale'},
    Flatten: {kind: 'same-scale'},
    Gather: {kind: 'same-scale'},
    // These three must not stay in float between integers: OpenVINO 2026.4 then loses the scale, see docs/compilers.md.
    GlobalMaxPool: {kind: 'same-scale'},
    ReduceMax: {kind: 'same-scale'},
    ReduceMin: {kind: 'same-scale'},
    MaxPool: {kind: 'same-scale'},
    Reshape: {kind: 'same-scale'},
    Slice: {kind: 'same-scale'},
    Split: {kind: 'same-scale'},
    Squeeze: {kind: 'same-scale'},
    Transpose: {kind: 'same-scale'},
    Unsqueeze: {kind: 'same-scale'},
  },
  miscomputedMatrixRows: [4, 6, 8],
};

const BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/** Intel processors with OpenVINO's runtime instead of ONNX Runtime. The same silicon is also an x86 target. */
export const OPENVINO: TargetDefinition = {
  name: 'openvino',
  recognise: ({architecture, cpuModel = '', tools}) =>
    architecture === 'x64' && /\bIntel\b/.test(cpuModel) && tools?.benchmark_app !== undefined
      ? ['x64', 'Intel', 'benchmark_app']
      : null,
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8',
        precision: 'int8',
        reason:
          'OpenVINO reads QuantizeLinear and DequantizeLinear and chooses the kernels for the processor itself',
        scheme: SCHEME,
        onlyWith: VNNI,
      },
      {
        ...BUILD,
        name: 'int8-7-bit',
        precision: 'int8',
        reason:
          'without VNNI sums of two products saturate at 16 bits, which weights of half the range avoid',
        scheme: {...SCHEME, weights: {...SCHEME.weights, bits: 7}},
        onlyWithout: VNNI,
      },
      {
        ...BUILD,
        name: 'fp16',
        precision: 'fp16',
        reason: 'ovc stores weights in half precision; processors with AMX or AVX-512 FP16 compute in it',
        loweredBy: 'compiler',
      },
      {
        ...BUILD,
        name: 'fp32',
        precision: 'fp32',
        reason: 'never hand out anything slower or worse than this',
      },
    ],
    onRequest: [
      {
        ...BUILD,
        name: 'int8-weights',
        precision: 'int8-weights',
        reason: 'a quarter of the file; OpenVINO keeps such weights as integers until they are used',
      },
      {
        ...BUILD,
        name: 'int4-weights',
        precision: 'int4-weights',
        reason: 'OpenVINO reads 4-bit weights from standard operators and keeps them so until they are used',
        blocks: {bits: 4, blockSize: 32, isSymmetric: true, format: 'dequantize', wholeBlocks: [32, 16]},
      },
    ],
    artefact: 'openvino-ir',
    compiler: {name: 'openvino', runs: 'on-device'},
  },
};
