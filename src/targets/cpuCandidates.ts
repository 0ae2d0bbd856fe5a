import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {CPU_OPERATORS} from './cpuOperators.ts';
import type {CandidateBuild} from './target.ts';

interface CpuTypes {
  readonly activations: 'uint8' | 'int8';
  readonly weights: 'int8' | 'uint8';
  readonly weightBits: 8 | 7;
}

/** Static int8 for ONNX Runtime on a CPU. Activations are asymmetric, which costs its kernels nothing. */
export function cpuInt8(name: string, types: CpuTypes, reason: string): CandidateBuild {
  const scheme: QuantizationScheme = {
    activations: {elementType: types.activations, isSymmetric: false},
    weights: {
      elementType: types.weights,
      isPerChannel: true,
      bits: types.weightBits,
      isPairOnWeights: false,
    },
    bias: 'int32',
    operators: CPU_OPERATORS,
  };
  return {...CPU_BUILD, name, precision: 'int8', reason, scheme};
}

const CPU_BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  // What fuses into integer kernels is left to the device: it fuses when it loads, for the processor it is.
  optimisation: 'basic',
} as const;

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
  },
  {
    ...CPU_BUILD,
    name: 'fp32',
    precision: 'fp32',
    reason: 'never hand out anything slower or worse than this',
    optimisation: 'extended',
  },
];

/** Half the bytes; on processors with half-precision arithmetic also less time, where the runtime has a kernel. */
export const CPU_FP16: CandidateBuild = {
  ...CPU_BUILD,
  name: 'fp16',
  precision: 'fp16',
  reason: 'ARMv8.2 computes in half precision; which operators have such a kernel shows when it is measured',
  floatType: 'float16',
};
