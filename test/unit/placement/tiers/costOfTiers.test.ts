import {expect, test} from 'vitest';
import {costOfTiers} from '../../../../src/placement/tiers/costOfTiers.ts';
import type {TierLink, TierProblem, TierTensor} from '../../../../src/placement/tiers/tierProblem.ts';

function link(from: number, to: number, nsPerByte: number, roundTripNs: number): TierLink {
  return {from, to, upNsPerByte: nsPerByte, downNsPerByte: 2 * nsPerByte, roundTripNs};
}

function problem(
  tensors: readonly Partial<TierTensor>[],
  links: readonly TierLink[],
  direction: TierProblem['direction'] = 'two-way',
): TierProblem {
  const layers =
    1 + Math.max(...tensors.flatMap(({consumers = [], producer = 0}) => [...consumers, producer ?? 0]));
  return {
    tierCount: 3,
    layers: Array.from({length: layers}, (_, index) => ({
      name: `layer${index}`,
      timesNs: [100, 50, 20],
      weightBytes: 10,
    })),
    tensors: tensors.map((tensor, index) => ({
      name: `tensor${index}`,
      bytes: 10,
      producer: null,
      consumers: [],
      isOutput: false,
      ...tensor,
    })),
    links,
    memoryBytes: [null, null, null],
    direction,
  };
}

test('without a direct link a tensor is relayed and pays both links and both round trips', () => {
  const cost = costOfTiers(problem([{consumers: [0]}], [link(0, 1, 1, 7), link(1, 2, 2, 5)]), [2]);
  expect(cost.latencyNs).toBe(20 + 10 + 20 + 7 + 5);
  expect(cost.bottleneckNs).toBe(20);
  expect(cost.bytes).toBe(20);
  expect(cost.crossings).toEqual([
    {tensor: 0, link: 0, direction: 'up'},
    {tensor: 0, link: 1, direction: 'up'},
  ]);
});

test('a tensor pays each link once, however many layers read it behind it', () => {
  const cost = costOfTiers(
    problem([{consumers: [0, 1, 2]}], [link(0, 1, 1, 7), link(1, 2, 2, 5)]),
    [1, 2, 2],
  );
  expect(cost.latencyNs).toBe(50 + 20 + 20 + 10 + 20 + 7 + 5);
});

test('the direct link is taken when it saves more than opening it costs', () => {
  const links = [link(0, 1, 1, 7), link(1, 2, 2, 5), link(0, 2, 1, 20)];
  const tensors = [{consumers: [0]}, {producer: 0, isOutput: true}];
  // Up and back: 10 + 20 directly and a round trip of 20; 30 + 60 and 12 by way of tier 1.
  expect(costOfTiers(problem(tensors, links), [2]).latencyNs).toBe(20 + 30 + 20);
  const slowToOpen = [...links.slice(0, 2), link(0, 2, 1, 100)];
  expect(costOfTiers(problem(tensors, slowToOpen), [2]).latencyNs).toBe(20 + 90 + 12);
});

test('for many tensors together a link is opened that would not be worth it for one', () => {
  const links = [link(0, 1, 1, 0), link(1, 2, 1, 0), link(0, 2, 1, 25)];
  const one = problem([{consumers: [0]}], links);
  expect(costOfTiers(one, [2]).crossings.map(crossing => crossing.link)).toEqual([0, 1]);
  const three = problem([{consumers: [0]}, {consumers: [0]}, {consumers: [0]}], links);
  expect(costOfTiers(three, [2]).crossings.map(crossing => crossing.link)).toEqual([2, 2, 2]);
});

test('one-way, what a layer reads does not come down, but an output does, after it went up', () => {
  const links = [link(0, 1, 1, 0), link(1, 2, 1, 0)];
  const down = problem([{consumers: [0]}, {producer: 0, consumers: [1]}], links, 'one-way');
  expect(costOfTiers(down, [1, 0]).violations).toEqual([{kind: 'no-route', tensor: 1}]);
  expect(costOfTiers({...down, direction: 'two-way'}, [1, 0]).violations).toEqual([]);
  const output = problem([{producer: 0, consumers: [1], isOutput: true}], links, 'one-way');
  expect(costOfTiers(output, [1, 2]).crossings).toEqual([
    {tensor: 0, link: 1, direction: 'up'},
    {tensor: 0, link: 0, direction: 'down'},
  ]);
});

test('one-way, an output that rises may return by the direct link from where it is', () => {
  const links = [link(0, 1, 10, 0), link(1, 2, 1, 0), link(0, 2, 1, 0)];
  const output = problem([{producer: 0, consumers: [1], isOutput: true}], links, 'one-way');
  expect(costOfTiers(output, [1, 2]).latencyNs).toBe(50 + 20 + 10 + 20);
});

test('every rule that is broken is told', () => {
  const base = problem([{consumers: [0]}, {producer: 0, consumers: [1]}], [link(0, 1, 1, 0)]);
  const strict: TierProblem = {
    ...base,
    layers: [
      {name: 'a', timesNs: [100, null, 20], weightBytes: 10, allowedTiers: [0, 1]},
      {name: 'b', timesNs: [100, 50, 20], weightBytes: 10, allowedTiers: [0]},
    ],
    memoryBytes: [5, null, 4],
  };
  expect(costOfTiers(strict, [1, 2]).violations).toEqual([
    {kind: 'cannot-run', layer: 0, tier: 1},
    {kind: 'not-allowed', layer: 1, tier: 2},
    {kind: 'memory', tier: 2, missingBytes: 6},
    {kind: 'no-route', tensor: 1},
  ]);
});

test('for throughput, tensors are spread over two ways so that neither is busier than it must be', () => {
  const links = [link(0, 1, 1, 0), link(1, 2, 1, 0), link(0, 2, 1, 0)];
  const sizes = [40, 30, 30, 20];
  const tensors = sizes.map(bytes => ({bytes, consumers: [0]}));
  const cost = costOfTiers(problem(tensors, links), [2], 'throughput');
  expect(cost.bottleneckNs).toBe(60);
  expect(cost.bottleneckBoundNs).toBe(60);
});

test('an assignment of the wrong length or to no tier is a bug of the caller', () => {
  const one = problem([{consumers: [0]}], []);
  expect(() => costOfTiers(one, [])).toThrow('0 tiers for 1 layers');
  expect(() => costOfTiers(one, [3])).toThrow('tier 3, which does not exist');
});
