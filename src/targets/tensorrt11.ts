import type {CandidateBuild, TargetDefinition} from './target.ts';
import {recogniseTensorrt} from './recogniseTensorrt.ts';
import {TENSORRT_INT4, TENSORRT_SCHEME} from './tensorrtScheme.ts';

const BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/**
 * NVIDIA GPUs with TensorRT 11 or newer: networks are strongly typed, `--fp16`, `--int8` and `--best` are gone, and every
 * precision is what the ONNX file says.
 * @see NVIDIA/TensorRT 771d8efd, "TensorRT 11.0 OSS Release" (2026-06), samples/common/sampleOptions.cpp
 */
export const TENSORRT_11: TargetDefinition = {
  name: 'tensorrt-11',
  recognise: facts => recogniseTensorrt(facts, major => major >= 11),
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8-fp16',
        precision: 'int8',
        reason: 'int8 tensor cores, with half precision written into the file for the rest',
        scheme: TENSORRT_SCHEME,
        floatType: 'float16',
      },
      {
        ...BUILD,
        name: 'fp16',
        precision: 'fp16',
        reason:
          'half precision has no conversions and often beats int8 on Jetson: both are built and timed there',
        floatType: 'float16',
      },
      {
        ...BUILD,
        name: 'fp32',
        precision: 'fp32',
        reason: 'never hand out anything slower or worse than this',
      },
    ],
    onRequest: [TENSORRT_INT4],
    // Tensor cores work on tiles of 16; those of Ampere and later skip two in four weights.
    pruning: {multipleOf: 16, isTwoOfFour: true},
    artefact: 'tensorrt-engine',
    compiler: {name: 'trtexec', runs: 'on-device'},
  },
};
