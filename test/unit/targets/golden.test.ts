import {describe, expect, it} from 'vitest';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {planQuantization, tensorsToMeasure} from '../../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../../src/quantize/quantizeGraph.ts';
import {TARGETS} from '../../../src/targets/targets.ts';
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
