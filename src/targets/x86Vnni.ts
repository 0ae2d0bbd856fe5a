import {CPU_FP16_STORED, CPU_ON_REQUEST, CPU_OTHERS, cpuInt8, cpuInt8PerTensor} from './cpuCandidates.ts';
import type {TargetDefinition} from './target.ts';

/** 64-bit x86 with VNNI: VPDPBUSD adds four products of uint8 and int8 into 32 bits, so weights use their full range. */
export const X86_VNNI: TargetDefinition = {
  name: 'x86-vnni',
  recognise: ({architecture, cpuFeatures}) => {
    const found = ['avx512_vnni', 'avx_vnni'].filter(feature => cpuFeatures.includes(feature));
    return architecture === 'x64' && found.length > 0 ? ['x64', ...found] : null;
  },
  recipe: {
    candidates: [
      cpuInt8(
        'int8-u8s8',
        {activations: 'uint8', weights: 'int8', weightBits: 8},
        'VNNI multiplies unsigned by signed bytes and adds in 32 bits',
      ),
      cpuInt8PerTensor('int8-u8s8-per-tensor', {activations: 'uint8', weights: 'int8'}),
      ...CPU_OTHERS,
    ],
    onRequest: [CPU_FP16_STORED, ...CPU_ON_REQUEST],
    artefact: 'onnx',
    compiler: null,
  },
};
