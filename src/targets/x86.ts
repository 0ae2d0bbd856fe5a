import {CPU_FP16_STORED, CPU_ON_REQUEST, CPU_OTHERS, cpuInt8, cpuInt8PerTensor} from './cpuCandidates.ts';
import type {TargetDefinition} from './target.ts';

/**
 * 64-bit x86 without VNNI. VPMADDUBSW adds two products of uint8 and int8 into 16 bits and saturates there: 2 · 255 · 127
 * does not fit, 2 · 255 · 64 does. Unsigned weights take another kernel, which widens first.
 * @see https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "When to use reduce-range"
 */
export const X86: TargetDefinition = {
  name: 'x86',
  recognise: ({architecture}) => (architecture === 'x64' ? ['x64'] : null),
  recipe: {
    candidates: [
      cpuInt8(
        'int8-u8s8-7-bit',
        {activations: 'uint8', weights: 'int8', weightBits: 7},
        'sums of two products fit 16 bits when weights use half their range',
      ),
      cpuInt8(
        'int8-u8u8',
        {activations: 'uint8', weights: 'uint8', weightBits: 8},
        'unsigned weights are widened before they are multiplied: slower, but nothing saturates and they keep 8 bits',
      ),
      cpuInt8PerTensor('int8-u8u8-per-tensor', {activations: 'uint8', weights: 'uint8'}),
      // Dynamic quantisation multiplies by the same instruction.
      ...CPU_OTHERS.map(other =>
        other.precision === 'int8-dynamic' ? {...other, weightBits: 7 as const} : other,
      ),
    ],
    // Whether the kernel for 8-bit blocks saturates is not known, so it is not offered.
    onRequest: [CPU_FP16_STORED, ...CPU_ON_REQUEST.filter(({blocks}) => blocks?.bits !== 8)],
    saturates: true,
    artefact: 'onnx',
    compiler: null,
  },
};
