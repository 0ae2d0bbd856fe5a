import fc from 'fast-check';
import {expect, test} from 'vitest';
import {searchGoal} from '../../src/placement/goals/goalSearch.ts';
import type {Limit} from '../../src/placement/goals/goalSearch.ts';
import {leastListed} from '../../src/placement/goals/leastListed.ts';
import {listPlacements} from '../../src/placement/goals/listPlacements.ts';
import {amountOf} from '../../src/placement/goals/space.ts';
import type {Measure} from '../../src/placement/goals/space.ts';
import {everyPlacement, leastWithin, randomGoal} from './goalBruteForce.ts';

test('the list holds each allowed placement once, with what brute force says that it takes', () => {
  let listed = 0;
  let empty = 0;
  fc.assert(
    fc.property(fc.integer({min: 1, max: 2 ** 30}), seed => {
      const {space, measures} = randomGoal(seed, 2, 7);
      const list = listPlacements(space, measures, 10_000);
      if (space.direction === 'two-way') {
        expect(list).toBeNull();
        return;
      }
      const wanted = everyPlacement(space, measures);
      const rows = Array.from({length: list!.count}, (_, index) => ({
        tiers: list!.placementAt(index).tiers,
        amounts: measures.map((_, measure) => list!.amountAt(index, measure)),
      }));
      const sorted = (all: typeof wanted): string[] => all.map(row => JSON.stringify(row)).sort();
      expect(sorted(rows)).toEqual(sorted(wanted));
      for (const [index, {amounts}] of rows.entries())
        expect(measures.map(each => amountOf(space, each, list!.placementAt(index)))).toEqual(amounts);
      if (rows.length === 0) empty += 1;
      else listed += 1;
      const tooMany = listPlacements(space, measures, rows.length - 1);
      if (rows.length > 0) expect(tooMany).toBeNull();
    }),
    {numRuns: 600},
  );
  expect(listed).toBeGreaterThan(100);
  expect(empty).toBeGreaterThan(5);
}, 120_000);

test('the least of the list within a limit is that of brute force, and goes the same ways as that of a search', () => {
  let limited = 0;
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 2 ** 30}),
      fc.double({min: 0, max: 1, noNaN: true}),
      (seed, share) => {
        const {space, measures} = randomGoal(seed, 2, 6);
        if (space.direction === 'two-way') return;
        const [objective, other] = measures as [Measure, Measure];
        const free = searchGoal({space, objective, limits: []}).best;
        if (free === null) return;
        const most = Math.floor(amountOf(space, other, free) * (0.6 + 0.6 * share));
        const ofTop = (tiers: readonly number[]): number =>
          tiers.filter(tier => tier === space.tierCount - 1).length > 1 ? 20 : 0;
        const limit: Limit = {name: 'limit', measure: other, most, extraOf: ({tiers}) => ofTop(tiers)};
        const answer = leastListed(space, [{measure: objective, baseNs: 0}], objective, [limit])!;
        const least = leastWithin(everyPlacement(space, measures), most, ofTop);
        expect(answer.best?.amount ?? Infinity).toBe(least);
        expect(answer.bound).toBe(least);
        if (answer.best === null) return;
        limited += 1;
        const list = listPlacements(space, [], 10_000)!;
        const same = Array.from({length: list.count}, (_, index) => list.placementAt(index)).find(
          ({tiers}) => tiers.join() === free.tiers.join(),
        );
        expect(same?.crossings).toEqual(free.crossings);
      },
    ),
    {numRuns: 1500},
  );
  expect(limited).toBeGreaterThan(50);
}, 120_000);
