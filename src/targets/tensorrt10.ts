import type {CandidateBuild, TargetDefinition} from './target.ts';
import {recogniseTensorrt} from './recogniseTensorrt.ts';
import {TENSORRT_INT4, TENSORRT_SCHEME} from './tensorrtScheme.ts';

const BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'compiler',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/** NVIDIA GPUs with TensorRT 10 or older: the compiler is told which precisions it may use besides those of the file. */
export const TENSORRT_10: TargetDefinition = {
  name: 'tensorrt-10',
  recognise: facts => recogniseTensorrt(facts, major => major <= 10),
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8',
        precision: 'int8',
        reason:
          'int8 tensor cores, with half precision for the rest; on small models the conversions can cost more than they save',
        scheme: TENSORRT_SCHEME,
        loweredBy: 'edgewise',
      },
      {
        ...BUILD,
        name: 'fp16',
        precision: 'fp16',
        reason:
          'half precision has no conversions and often beats int8 on Jetson: both are built and timed there',
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
    // An engine runs on the very GPU, driver and version that built it.
    compiler: {name: 'trtexec', runs: 'on-device'},
  },
};
