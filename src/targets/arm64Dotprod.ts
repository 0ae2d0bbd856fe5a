import {ARM_INT8} from './armCandidates.ts';
import {CPU_FP16, CPU_ON_REQUEST, CPU_OTHERS} from './cpuCandidates.ts';
import type {TargetDefinition} from './target.ts';

/** 64-bit ARM with SDOT and UDOT, `asimddp` in /proc/cpuinfo: Cortex-A55, A76 (Raspberry Pi 5), A78AE (Jetson Orin). */
export const ARM64_DOTPROD: TargetDefinition = {
  name: 'arm64-dotprod',
  recognise: ({architecture, cpuFeatures}) =>
    architecture === 'arm64' && cpuFeatures.includes('asimddp') ? ['arm64', 'asimddp'] : null,
  recipe: {
    candidates: [...ARM_INT8, CPU_FP16, ...CPU_OTHERS],
    onRequest: CPU_ON_REQUEST,
    artefact: 'onnx',
    compiler: null,
  },
};
