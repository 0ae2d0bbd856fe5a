import {expect, it} from 'vitest';
import {goalFromMeasurements} from '../../../src/placement/goals/goalFromMeasurements.ts';
import {restrictSpace} from '../../../src/placement/goals/restrictions.ts';
import {searchGoal} from '../../../src/placement/goals/goalSearch.ts';
import {amountOf} from '../../../src/placement/goals/space.ts';
import type {Crossing} from '../../../src/placement/goals/space.ts';
import {createTripCounter} from '../../../src/placement/goals/tripsOverLinks.ts';
import {planDocument} from '../../../src/placement/planDocument.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {ARTICLE_LINK, articleMeasurements} from './articleNetwork.ts';

const FIXED_MS = 7;
const link = {...ARTICLE_LINK, fixedMs: FIXED_MS, upBytesPerSecond: 2e6, downBytesPerSecond: 3e6};
const twoWay = {keepRawInputOnDevice: false, pins: [], direction: 'two-way'} as const;

/** A chain of layers, each reading what the one before made. */
const chain = (count: number) => ({
  layers: Array.from({length: count}, (_, at) => ({inputs: [`t${at}`], outerInputs: []})),
  tensors: new Map(
    Array.from({length: count + 1}, (_, at) => [`t${at}`, {producer: at === 0 ? null : at - 1}]),
  ),
});

it.each([
  ['up once', [0, 0, 1, 1], [1]],
  ['up, down and up again', [1, 0, 1, 1], [2]],
  ['ends on the device', [1, 1, 1, 0], [1]],
  ['three times', [1, 0, 1, 0, 1], [3]],
])('%s over one link', (_, tiers, trips) => {
  const crossings: Crossing[] = [{tensor: 0, link: 0, direction: 'up'}];
  expect(createTripCounter(chain(tiers.length), [{from: 0, to: 1}])({tiers, crossings})).toEqual(trips);
});

it('over a gateway each link counts what goes over it, and a direct link takes what it spans', () => {
  const links = [
    {from: 0, to: 1},
    {from: 1, to: 2},
    {from: 0, to: 2},
  ];
  const over = (...used: number[]): Crossing[] => used.map(at => ({tensor: 0, link: at, direction: 'up'}));
  const tripsOf = createTripCounter(chain(4), links);
  expect(tripsOf({tiers: [2, 0, 1, 2], crossings: over(0, 1)})).toEqual([2, 2, 0]);
  expect(tripsOf({tiers: [2, 0, 1, 2], crossings: over(0, 1, 2)})).toEqual([1, 1, 1]);
});

it('every trip is charged in the plan, and the best is that of trying all placements', () => {
  const measurements = articleMeasurements({constraints: twoWay, link});
  const goal = goalFromMeasurements(measurements);
  const space = restrictSpace(goal.space, goal.restrictions);
  const found = searchGoal({space, objective: goal.latency, limits: []});
  const layerCount = space.layers.length;
  let least = Infinity;
  for (let code = 0; code < 2 ** layerCount; code++) {
    const tiers = space.layers.map((_, layer) => Math.floor(code / 2 ** layer) % 2);
    const crossings = space.tensors.flatMap(({producer, consumers, isOutput}, tensor): Crossing[] => {
      const from = producer === null ? 0 : tiers[producer]!;
      const goesUp = from === 0 && consumers.some(layer => tiers[layer] === 1);
      const goesDown = from === 1 && (isOutput || consumers.some(layer => tiers[layer] === 0));
      return [
        ...(goesUp ? [{tensor, link: 0, direction: 'up' as const}] : []),
        ...(goesDown ? [{tensor, link: 0, direction: 'down' as const}] : []),
      ];
    });
    // The network is a chain: each rise from one layer to the next is a trip.
    const trips = tiers.filter((tier, layer) => tier === 1 && (layer === 0 || tiers[layer - 1] === 0)).length;
    const once = amountOf({...space, tripsOf: () => [1]}, goal.latency, {tiers, crossings});
    least = Math.min(least, once + Math.max(0, trips - 1) * goal.latency.links[0]!);
  }
  expect({amount: found.best?.amount, bound: found.bound}).toEqual({amount: least, bound: least});

  const names = space.layers.map(({name}) => name);
  const pins = names.map((layers, at) => ({
    layers,
    tier: at % 4 === 3 ? ('device' as const) : ('cloud' as const),
  }));
  const plan = planDocument({
    header: writeHeader('plan', {version: '0', now: new Date(0), madeFrom: {}}),
    measurements: articleMeasurements({constraints: {...twoWay, pins}, link}),
  });
  const trips = names.filter((_, at) => at % 4 === 0).length;
  const {links = [], latencyMs, deviceMs, cloudMs, overheadMs, linkMs} = plan.predicted;
  const bytesMs = 1e3 * ((links[0]?.upBytes ?? 0) / 2e6 + (links[0]?.downBytes ?? 0) / 3e6);
  expect(linkMs).toBeGreaterThanOrEqual(trips * FIXED_MS + bytesMs - 1e-6);
  expect(latencyMs).toBeCloseTo(deviceMs + cloudMs + linkMs + overheadMs, 6);
});
