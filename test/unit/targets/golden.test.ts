import {describe, expect, it} from 'vitest';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {planQuantization, tensorsToMeasure} from '../../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../../src/quantize/quantizeGraph.ts';
import {TARGETS} from '../../../src/targets/targets.ts';
import {lowerToFloat16} from '../../../src/workflows/builds/lowerToFloat16.ts';
import {lowerWeights} from '../../../src/workflows/builds/lowerWeights.ts';
import {raiseOpset} from '../../../src/model/opset/raiseOpset.ts';
import type {CandidateBuild} from '../../../src/targets/target.ts';
import {describeLowered} from './describeLowered.ts';
import {describeQuantized} from './describeQuantized.ts';
import {everyOperatorModel, inventedRanges} from './everyOperator.ts';

const CANDIDATES = TARGETS.flatMap(({name, recipe}) =>
  recipe.candidates.flatMap(candidate => (candidate.scheme === null ? [] : [{target: name, ...candidate}])),
);

describe('types, zero points and places of pairs, on a graph of every operator, for', () => {
  const graph = graphFromModel(everyOperatorModel());

  it.each(CANDIDATES.map(one => [one.target, one.name, one.scheme] as const))(
    '%s, %s',
    async (target, name, scheme) => {
      const plan = planQuantization(graph, scheme!);
      const quantized = quantizeGraph(graph, plan, scheme!, inventedRanges(tensorsToMeasure(plan)));
      const left = plan.floatLayers
        .map(({layer, reason}) => `${layer}: stays in float, ${reason}\n`)
        .join('');
      const text = `${describeQuantized(quantized)}\n${left}`;
      await expect(text).toMatchFileSnapshot(`../../golden/targets/${target}.${name}.txt`);
    },
  );
});

/** What edgewise lowers without calibration, for every target that has it. */
const LOWERED = TARGETS.flatMap(({name, recipe}) =>
  [...recipe.candidates, ...(recipe.onRequest ?? [])].flatMap(candidate => {
    const isLowered = candidate.precision !== 'fp32' && candidate.loweredBy === 'edgewise';
    return isLowered && candidate.scheme === null ? [{target: name, candidate}] : [];
  }),
);

describe('operators and stored types without calibration, on the same graph, for', () => {
  const model = everyOperatorModel();

  it.each(LOWERED.map(({target, candidate}) => [target, candidate.name, candidate] as const))(
    '%s, %s',
    async (_, __, candidate) => {
      const float = candidate.blocks?.format === 'dequantize' ? raiseOpset(model, 21).model : model;
      const graph = graphFromModel(float);
      const lowering =
        candidate.precision === 'fp16' ? lowerToFloat16(graph, new Map()) : lowerWeights(graph, candidate)!;
      const {model: lowered, floatLayers} = lowering.build(new Set());
      const left = floatLayers.map(({layer, reason}) => `${layer}: stays in float, ${reason}\n`).join('');
      const text = `${describeLowered(lowered, float)}\n${left}`;
      await expect(text).toMatchFileSnapshot(`../../golden/targets/${storageOf(candidate)}.txt`);
    },
  );
});

/** Targets that store weights alike share a file: what is in it must not depend on anything else of the target. */
function storageOf({precision, blocks}: CandidateBuild): string {
  if (blocks === undefined) return `any.${precision}`;
  const {bits, blockSize, isSymmetric, format, wholeBlocks} = blocks;
  return [
    `any.int${bits}-blocks-of-${wholeBlocks?.join('-') ?? blockSize}`,
    isSymmetric ? 'symmetric' : 'asymmetric',
    format,
  ].join('.');
}
