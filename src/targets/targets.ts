import {ARM64} from './arm64.ts';
import {ARM64_DOTPROD} from './arm64Dotprod.ts';
import {ARM64_I8MM} from './arm64I8mm.ts';
import {IREE} from './iree.ts';
import {OPENVINO} from './openvino.ts';
import {QNN} from './qnn.ts';
import {RKNN} from './rknn.ts';
import {STM32MP2} from './stm32mp2.ts';
import type {TargetDefinition} from './target.ts';
import {TENSORRT_10} from './tensorrt10.ts';
import {TENSORRT_11} from './tensorrt11.ts';
import {X86} from './x86.ts';
import {X86_AMX} from './x86Amx.ts';
import {X86_VNNI} from './x86Vnni.ts';

/**
 * Every target, in the order in which a machine is asked: silicon made for neural networks before the CPU beside it, the
 * more special CPU before the plainer one, and last other runtimes for the same CPU.
 */
export const TARGETS: readonly TargetDefinition[] = [
  TENSORRT_11,
  TENSORRT_10,
  RKNN,
  STM32MP2,
  QNN,
  X86_AMX,
  X86_VNNI,
  X86,
  ARM64_I8MM,
  ARM64_DOTPROD,
  ARM64,
  OPENVINO,
  IREE,
];
