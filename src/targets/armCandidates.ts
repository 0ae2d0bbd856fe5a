import {cpuInt8} from './cpuCandidates.ts';
import type {CandidateBuild} from './target.ts';

/**
 * Both signs of activations, since sources differ on which is faster: it depends on the very core and on the model. No
 * ARM instruction saturates at 16 bits here.
 * @see quantize_static of onnxruntime.quantization (int8), the presets of optimum-onnx (uint8)
 */
export const ARM_INT8: readonly CandidateBuild[] = [
  cpuInt8(
    'int8-s8s8',
    {activations: 'int8', weights: 'int8', weightBits: 8},
    'signed activations; which sign is faster depends on the core, so both are measured',
  ),
  cpuInt8(
    'int8-u8s8',
    {activations: 'uint8', weights: 'int8', weightBits: 8},
    'unsigned activations; which sign is faster depends on the core, so both are measured',
  ),
];
