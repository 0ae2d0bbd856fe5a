import {CPU_FP16_STORED, CPU_ON_REQUEST, CPU_OTHERS, cpuInt8, cpuInt8PerTensor} from './cpuCandidates.ts';
import type {TargetDefinition} from './target.ts';

/** 64-bit x86 with AMX: TDPBUSD multiplies tiles of uint8 and int8 and adds in 32 bits. */
export const X86_AMX: TargetDefinition = {
  name: 'x86-amx',
  recognise: ({architecture, cpuFeatures}) =>
    architecture === 'x64' && cpuFeatures.includes('amx_int8') ? ['x64', 'amx_int8'] : null,
  recipe: {
    candidates: [
      cpuInt8(
        'int8-u8s8',
        {activations: 'uint8', weights: 'int8', weightBits: 8},
        'AMX multiplies tiles of unsigned by signed bytes and adds in 32 bits',
      ),
      cpuInt8PerTensor('int8-u8s8-per-tensor', {activations: 'uint8', weights: 'int8'}),
      ...CPU_OTHERS,
    ],
    onRequest: [CPU_FP16_STORED, ...CPU_ON_REQUEST],
    artefact: 'onnx',
    compiler: null,
  },
};
