import {ARM_INT8} from './armCandidates.ts';
import {CPU_FP16, CPU_ON_REQUEST, CPU_OTHERS} from './cpuCandidates.ts';
import type {TargetDefinition} from './target.ts';

/** 64-bit ARM with SMMLA and UMMLA, products of 8-bit matrices: Neoverse V1 and N2, Cortex-A510 and A710. */
export const ARM64_I8MM: TargetDefinition = {
  name: 'arm64-i8mm',
  recognise: ({architecture, cpuFeatures}) =>
    architecture === 'arm64' && cpuFeatures.includes('i8mm') ? ['arm64', 'i8mm'] : null,
  recipe: {
    candidates: [...ARM_INT8, CPU_FP16, ...CPU_OTHERS],
    onRequest: CPU_ON_REQUEST,
    artefact: 'onnx',
    compiler: null,
  },
};
