import {ARM_INT8} from './armCandidates.ts';
import {CPU_FP16_STORED, CPU_ON_REQUEST, CPU_OTHERS} from './cpuCandidates.ts';
import type {TargetDefinition} from './target.ts';

/** 64-bit ARM without instructions for dot products of bytes: Cortex-A53, A72 (Raspberry Pi 3 and 4). */
export const ARM64: TargetDefinition = {
  name: 'arm64',
  recognise: ({architecture}) => (architecture === 'arm64' ? ['arm64'] : null),
  recipe: {
    candidates: [...ARM_INT8, ...CPU_OTHERS],
    onRequest: [CPU_FP16_STORED, ...CPU_ON_REQUEST],
    artefact: 'onnx',
    compiler: null,
  },
};
