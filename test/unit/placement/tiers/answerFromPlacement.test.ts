import {describe, expect, it} from 'vitest';
import type {Costs} from '../../../../src/documents/costs.ts';
import type {PlacementAnswer} from '../../../../src/documents/placementAnswer.ts';
import {placementAnswerSchema} from '../../../../src/documents/placementAnswer.ts';
import {answerFromPlacement} from '../../../../src/placement/tiers/answerFromPlacement.ts';
import {costOfTiers} from '../../../../src/placement/tiers/costOfTiers.ts';
import {problemFromCosts} from '../../../../src/placement/tiers/problemFromCosts.ts';
import type {RelaxedPlacements} from '../../../../src/placement/tiers/reasonsOnTiers.ts';
import {reasonsOnTiers} from '../../../../src/placement/tiers/reasonsOnTiers.ts';
import type {TierObjective} from '../../../../src/placement/tiers/tierProblem.ts';
import {SMALL_COSTS} from './smallCosts.ts';

/** The answer that has the layers on these tiers, as though they were the best. */
function answerOn(costs: Costs, tiers: readonly number[]): PlacementAnswer {
  const problem = problemFromCosts(costs);
  const cost = costOfTiers(problem, tiers, costs.objective);
  const {latencyNs: flowNs} = cost;
  const certificate = {isOptimal: true, flowNs, cutNs: flowNs, boundNs: flowNs};
  return answerFromPlacement(costs, problem, {...cost, tiers, certificate}, {});
}

describe('the answer to a table of costs', () => {
  const answer = answerOn(SMALL_COSTS, [0, 1]);

  it('says where each layer runs, what crosses, and what it costs, in the names of the table', () => {
    expect(answer).toEqual({
      kind: 'edgewise/placement',
      formatVersion: 1,
      objective: 'latency',
      direction: 'one-way',
      tiers: ['device', 'cloud'],
      decisions: [
        {layer: 'a', tier: 'device', reason: 'saves-transfer', ms: 5},
        {layer: 'b', tier: 'cloud', reason: 'faster-here', ms: 2},
      ],
      crossings: [
        {tensor: 'y', from: 'device', to: 'cloud', direction: 'up', bytes: 12_500, ms: 10},
        {tensor: 'z', from: 'cloud', to: 'device', direction: 'down', bytes: 1250, ms: 0.5},
      ],
      totals: {
        latencyMs: 27.5,
        bottleneckMs: 10.5,
        bytes: 13_750,
        tiers: [
          {tier: 'device', ms: 5, weightBytes: 1000},
          {tier: 'cloud', ms: 2, weightBytes: 2000},
        ],
        links: [{from: 'device', to: 'cloud', upMs: 10, downMs: 0.5, roundTripMs: 10}],
      },
      alternatives: [
        {tier: 'device', latencyMs: 55, bottleneckMs: 55},
        {tier: 'cloud', latencyMs: 113.5, bottleneckMs: 100.5},
      ],
      certificate: {isOptimal: true, flow: 27_500_000, cut: 27_500_000, bound: 27_500_000},
    });
    expect(placementAnswerSchema.parse(answer)).toEqual(answer);
  });

  it('has totals that are the sums of their parts', () => {
    const {totals, crossings} = answer;
    const parts = [
      ...totals.tiers.map(({ms}) => ms),
      ...totals.links.map(({upMs, downMs, roundTripMs}) => upMs + downMs + roundTripMs),
    ];
    expect(parts.reduce((sum, ms) => sum + ms)).toBe(totals.latencyMs);
    expect(crossings.reduce((sum, {bytes}) => sum + bytes, 0)).toBe(totals.bytes);
  });

  it('charges no round trip of a link that nothing takes', () => {
    expect(answerOn(SMALL_COSTS, [0, 0]).totals.links).toEqual([
      {from: 'device', to: 'cloud', upMs: 0, downMs: 0, roundTripMs: 0},
    ]);
  });

  it.each<[string, Partial<Costs>]>([
    ['a layer cannot run there', {layers: [{name: 'a', timeMs: {device: 1}, weightBytes: 0}], tensors: []}],
    ['a pin keeps a layer elsewhere', {pins: [{layer: 'a', tier: 'device'}]}],
    ['its memory is too small', {memoryBytes: {cloud: 2999}}],
    ['no link leads there', {links: []}],
  ])('leaves out a tier for all layers when %s', (_why, changed) => {
    const costs = {...SMALL_COSTS, ...changed};
    const {alternatives} = answerOn(
      costs,
      costs.layers.map(() => 0),
    );
    expect(alternatives.map(({tier}) => tier)).toEqual(['device']);
  });
});

describe('why a layer is where it is', () => {
  const reasonsOf = (
    changed: Partial<Costs>,
    tiers: readonly number[],
    relaxed: RelaxedPlacements = {},
    objective: TierObjective = 'latency',
  ) => reasonsOnTiers(problemFromCosts({...SMALL_COSTS, ...changed}), tiers, objective, relaxed);

  const layers = (...timesMs: Record<string, number>[]): Pick<Costs, 'layers'> => ({
    layers: timesMs.map((timeMs, index) => ({name: index === 0 ? 'a' : 'b', timeMs, weightBytes: 0})),
  });

  it('there is no other tier', () => {
    expect(reasonsOf({tiers: ['device'], links: []}, [0, 0])).toEqual(['only-tier', 'only-tier']);
  });

  it('no link that leads to where the layer is faster', () => {
    expect(reasonsOf({links: []}, [0, 0])).toEqual(['no-way-elsewhere', 'no-way-elsewhere']);
  });

  it('it can run nowhere else', () => {
    expect(reasonsOf(layers({device: 5}, {cloud: 3}), [0, 1])).toEqual(['runs-only-here', 'runs-only-here']);
  });

  it('it is pinned, or would be elsewhere without the pins', () => {
    const pins = [{layer: 'a', tier: 'cloud'}];
    expect(reasonsOf({pins}, [1, 1], {withoutPins: [0, 0]})).toEqual(['pinned-by-user', 'pinned-by-user']);
    expect(reasonsOf({pins}, [1, 1], {withoutPins: [0, 1]})).toEqual(['pinned-by-user', 'faster-here']);
  });

  it('there is no memory for it elsewhere', () => {
    expect(reasonsOf({memoryBytes: {cloud: 1000}}, [0, 0], {withoutMemoryLimits: [0, 1]})).toEqual([
      'saves-transfer',
      'memory-elsewhere-full',
    ]);
  });

  it('it is faster here, or as fast as anywhere', () => {
    expect(reasonsOf(layers({device: 1, cloud: 2}, {device: 3, cloud: 3}), [0, 0])).toEqual([
      'faster-here',
      'as-fast-here',
    ]);
  });

  it('what it reads is here, and one-way nothing comes back down', () => {
    const table = layers({device: 9, cloud: 1}, {device: 2, cloud: 3});
    expect(reasonsOf(table, [1, 1])[1]).toBe('flows-up-only');
    expect(reasonsOf({...table, direction: 'two-way'}, [1, 1])[1]).toBe('saves-transfer');
  });

  it('other tiers and links stay free, where the rate counts', () => {
    expect(reasonsOf({}, [0, 1], {}, 'throughput')).toEqual(['keeps-rate', 'faster-here']);
  });
});
