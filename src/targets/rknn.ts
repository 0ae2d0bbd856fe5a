import type {CandidateBuild, TargetDefinition} from './target.ts';

/** Chips whose neural processor RKNN-Toolkit2 compiles for, as its `target_platform` calls them. */
export const RKNN_PLATFORMS = ['rk3562', 'rk3566', 'rk3568', 'rk3576', 'rk3588'] as const;

/** The platform that RKNN-Toolkit2 is to compile for; `null` when the board has none of its chips. */
export function rknnPlatform(compatible: readonly string[]): string | null {
  const chips = compatible.flatMap(name => /^rockchip,(rk\d{4})/.exec(name)?.[1] ?? []);
  return RKNN_PLATFORMS.find(platform => chips.includes(platform)) ?? null;
}

const BUILD = {
  suits: 'every-model',
  // RKNN-Toolkit2 does not keep the quantisation of an ONNX file: it takes float and quantises by itself.
  scheme: null,
  loweredBy: 'compiler',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/**
 * Rockchip's neural processor. The compiler is a Python library: it gets the float model, a text file that names the
 * calibration samples and a script to run. @see https://github.com/airockchip/rknn-toolkit2 2.3.2
 */
export const RKNN: TargetDefinition = {
  name: 'rknn',
  recognise: ({architecture, board, tools}) => {
    const platform = rknnPlatform(board?.compatible ?? []);
    const hasRuntime = tools?.['librknnrt.so'] !== undefined;
    return architecture === 'arm64' && platform !== null && hasRuntime ? [platform, 'librknnrt.so'] : null;
  },
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8',
        precision: 'int8',
        reason:
          'the neural processor computes on 8-bit integers; RKNN-Toolkit2 quantises with the calibration samples',
      },
      {
        ...BUILD,
        name: 'fp16',
        precision: 'fp16',
        reason: 'what RKNN-Toolkit2 computes in when it does not quantise',
      },
    ],
    artefact: 'rknn',
    compiler: {name: 'rknn', runs: 'here'},
  },
};
