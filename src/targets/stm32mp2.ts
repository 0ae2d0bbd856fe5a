import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {CPU_OPERATORS} from './cpuOperators.ts';
import type {CandidateBuild, TargetDefinition} from './target.ts';

/**
 * The neural processor takes asymmetric 8-bit tensors with one scale each; a model with scales per channel runs on the GPU
 * beside it. @see https://wiki.st.com/stm32mpu/wiki/STM32MP2_NPU_description
 */
const SCHEME: QuantizationScheme = {
  activations: {elementType: 'uint8', isSymmetric: false},
  weights: {elementType: 'uint8', isPerChannel: false, bits: 8, isPairOnWeights: false},
  bias: 'int32',
  operators: {
    ...CPU_OPERATORS,
    Conv: {kind: 'weighted'},
    ConvTranspose: {kind: 'weighted'},
    Gemm: {kind: 'weighted'},
    MatMul: {kind: 'weighted'},
    Concat: {kind: 'joined-scale'},
    Pad: {kind: 'same-scale'},
  },
  isIntegerThroughout: true,
};

const BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/** STMicroelectronics' STM32MP23 and MP25: the STM32MP21 has no neural processor. */
export const STM32MP2: TargetDefinition = {
  name: 'stm32mp2',
  recognise: ({architecture, board}) => {
    const chip = board?.compatible.find(name => /^st,stm32mp2[35]\d/.test(name));
    return architecture === 'arm64' && chip !== undefined ? [chip] : null;
  },
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8-per-tensor',
        precision: 'int8',
        reason: 'the neural processor takes asymmetric 8-bit tensors with one scale each, and nothing else',
        scheme: SCHEME,
      },
      {
        ...BUILD,
        name: 'fp32',
        precision: 'fp32',
        reason: 'runs on the GPU: never hand out anything slower or worse',
      },
    ],
    artefact: 'nbg',
    compiler: {name: 'stedgeai', runs: 'here'},
  },
};
