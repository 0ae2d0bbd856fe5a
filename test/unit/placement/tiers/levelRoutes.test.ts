import fc from 'fast-check';
import {expect, test} from 'vitest';
import {levelRoutes} from '../../../../src/placement/tiers/levelRoutes.ts';

const route = (link: number) => ({steps: [{link, direction: 'up' as const}], linkMask: 1 << link});
const twoLinks = [0.5, 1].map(nsPerByte => ({
  from: 0,
  to: 1,
  upNsPerByte: nsPerByte,
  downNsPerByte: nsPerByte,
  roundTripNs: 0,
}));

function level(
  sizes: readonly number[],
  busiestTierNs: number,
  knownNs = Infinity,
): ReturnType<typeof levelRoutes> {
  const tensors = sizes.map(bytes => ({name: 't', bytes, producer: null, consumers: [], isOutput: false}));
  const demands = sizes.map((bytes, tensor) => ({
    tensor,
    routes: [route(0), route(1)],
    ns: [Math.round(bytes * 0.5), bytes],
  }));
  return levelRoutes({links: twoLinks, tensors}, demands, busiestTierNs, knownNs);
}

function busiestOf(sizes: readonly number[], chosen: readonly number[]): number {
  const loads = [0, 0];
  sizes.forEach((bytes, index) => {
    loads[chosen[index]!]! += chosen[index] === 0 ? Math.round(bytes * 0.5) : bytes;
  });
  return Math.max(...loads);
}

test('over two ways of different speed the busier one is as little busy as any division makes it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({min: 0, max: 1000}), {minLength: 1, maxLength: 9}), sizes => {
      let least = Infinity;
      for (let set = 0; set < 2 ** sizes.length; set++)
        least = Math.min(
          least,
          busiestOf(
            sizes,
            sizes.map((_, index) => (set >> index) & 1),
          ),
        );
      const {chosen, boundNs} = level(sizes, 0);
      expect(busiestOf(sizes, chosen)).toBe(least);
      expect(boundNs).toBe(least);
      // A bound holds although routes above what is known are not told apart.
      expect(level(sizes, 0, least - 5).boundNs).toBeLessThanOrEqual(least);
    }),
    {numRuns: 200},
  );
});

test('nothing is gained by links that are less busy than the busiest tier', () => {
  expect(level([100, 100, 100], 5000)).toMatchObject({boundNs: 5000});
});
