import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {CPU_OPERATORS} from './cpuOperators.ts';
import type {CandidateBuild} from './target.ts';

interface CpuTypes {
  readonly activations: 'uint8' | 'int8';
  readonly weights: 'int8' | 'uint8';
  readonly weightBits: 8 | 7;
  /** One scale for all weights of a layer. */
  readonly isPerTensor?: boolean;
}

/** Static int8 for ONNX Runtime on a CPU. Activations are asymmetric, which costs its kernels nothing. */
export function cpuInt8(name: string, types: CpuTypes, reason: string): CandidateBuild {
  const scheme: QuantizationScheme = {
    activations: {elementType: types.activations, isSymmetric: false},
    weights: {
      elementType: types.weights,
      isPerChannel: types.isPerTensor !== true,
      bits: types.weightBits,
      isPairOnWeights: false,
      ...(types.weightBits === 7 ? {addsNeighbours: true} : {}),
    },
    bias: 'int32',
    computesConstants: true,
    quantizesFloatLayers: true,
    movesChannelsLast: true,
    operators: CPU_OPERATORS,
  };
  return {...CPU_BUILD, name, precision: 'int8', reason, scheme};
}

/**
 * QGemm reads a zero point per column where weights have a scale per column, though all are 0: of what small perceptrons
 * take, that is 12 to 25 % (ONNX Runtime 1.30 on an EPYC, 2026-11-30). A single scale loses accuracy, so weights keep 8 bits.
 */
export function cpuInt8PerTensor(
  name: string,
  types: Pick<CpuTypes, 'activations' | 'weights'>,
): CandidateBuild {
  const reason = 'products of matrices are faster with one scale per layer, where that is exact enough';
  return {
    ...cpuInt8(name, {...types, weightBits: 8, isPerTensor: true}, reason),
    suits: 'matrix-products',
  };
}

const CPU_BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  // What fuses into integer kernels is left to the device: it fuses when it loads, for the processor it is.
  optimisation: 'basic',
} as const;

/** Blocks of 32 lose least for what their scales take; MatMulNBits has kernels of 4 and of 8 bits. */
const CPU_BLOCKS = {bits: 4, blockSize: 32, isSymmetric: true, format: 'kernels'} as const;

/** What every CPU target tries besides static int8. Float comes last: it is what anything else has to beat. */
export const CPU_OTHERS: readonly CandidateBuild[] = [
  {
    ...CPU_BUILD,
    name: 'int8-dynamic',
    precision: 'int8-dynamic',
    reason: 'models of matrix products lose less when every request finds its own activation ranges',
    suits: 'matrix-products',
  },
  {
    ...CPU_BUILD,
    name: 'int4-weights',
    precision: 'int4-weights',
    reason: 'models that read more weights than they compute are as fast as their weights are small',
    suits: 'matrix-products',
    blocks: CPU_BLOCKS,
  },
  {
    ...CPU_BUILD,
    name: 'fp32',
    precision: 'fp32',
    reason: 'never hand out anything slower or worse than this',
    optimisation: 'extended',
  },
];

/** What a CPU can run besides, for those who want a small file or know their model. */
export const CPU_ON_REQUEST: readonly CandidateBuild[] = [
  {
    ...CPU_BUILD,
    name: 'int8-weights',
    precision: 'int8-weights',
    reason: 'a quarter of the file in standard operators, with next to no error',
  },
  {
    ...CPU_BUILD,
    name: 'int8-blocks',
    precision: 'int8-weights',
    reason: 'products of matrices read 8-bit weights and compute on integers, with a scale per block of 32',
    blocks: {...CPU_BLOCKS, bits: 8},
  },
  {
    ...CPU_BUILD,
    name: 'int4-weights-asymmetric',
    precision: 'int4-weights',
    reason: 'a zero point per block keeps weights that are not centred; it takes more room and time',
    blocks: {...CPU_BLOCKS, isSymmetric: false},
  },
  {
    ...CPU_BUILD,
    name: 'int4-weights-standard',
    precision: 'int4-weights',
    reason: 'the smallest file, convolutions too, in standard operators; the runtime fuses those of products',
    blocks: {...CPU_BLOCKS, format: 'dequantize'},
  },
];

/** For processors without half-precision arithmetic. */
export const CPU_FP16_STORED: CandidateBuild = {
  ...CPU_BUILD,
  name: 'fp16',
  precision: 'fp16',
  reason: 'half the file; this processor computes it in float32, with conversions between',
  floatType: 'float16',
};

/** Half the bytes; on processors with half-precision arithmetic also less time, where the runtime has a kernel. */
export const CPU_FP16: CandidateBuild = {
  ...CPU_BUILD,
  name: 'fp16',
  precision: 'fp16',
  reason: 'ARMv8.2 computes in half precision; which operators have such a kernel shows when it is measured',
  floatType: 'float16',
};
