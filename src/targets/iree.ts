import type {CandidateBuild, TargetDefinition} from './target.ts';

const BUILD = {
  suits: 'every-model',
  // IREE computes DequantizeLinear, layer, QuantizeLinear in float: integer activations cost time there and save none.
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/**
 * CPUs without ONNX Runtime: IREE compiles ahead of time for one named processor, also from another machine. No machine is
 * taken for it by itself, because on every one of them ONNX Runtime can be served.
 * @see https://iree.dev/guides/deployment-configurations/cpu; docs/compilers.md has what IREE 3.13 was seen to do
 */
export const IREE: TargetDefinition = {
  name: 'iree',
  recognise: () => null,
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8-weights',
        precision: 'int8-weights',
        reason: 'a quarter of the file; IREE keeps such weights as integers until they are used',
      },
      {
        ...BUILD,
        name: 'fp32',
        precision: 'fp32',
        reason: 'never hand out anything slower or worse than this',
      },
    ],
    onRequest: [
      {
        ...BUILD,
        name: 'fp16',
        precision: 'fp16',
        reason: 'half the file; processors without half-precision arithmetic take longer',
        floatType: 'float16',
      },
    ],
    artefact: 'iree-module',
    compiler: {name: 'iree', runs: 'here'},
  },
};
