import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {choosePlacement} from '../../src/placement/choosePlacement.ts';
import {crossingNs} from '../../src/placement/costOfPlacement.ts';
import {searchGoal} from '../../src/placement/goals/goalSearch.ts';
import type {Limit} from '../../src/placement/goals/goalSearch.ts';
import {amountOf} from '../../src/placement/goals/space.ts';
import type {Measure, Space} from '../../src/placement/goals/space.ts';
import type {PlacementProblem} from '../../src/placement/problem.ts';
import {everyPlacement, leastWithin, randomGoal} from './goalBruteForce.ts';
import {randomProblem} from './randomProblems.ts';

/** The question of a device and a cloud as tiers: what both put into words of their own. */
function goalOfProblem({
  layers,
  tensors,
  link,
  deviceFixedNs = 0,
}: PlacementProblem): {space: Space; measure: Measure} | null {
  if (link === null) return null;
  const space: Space = {
    tierCount: 2,
    layers: layers.map(({name, cloudNs, pin}) => ({
      name,
      tierMask: (cloudNs === null ? 1 : 3) & (pin === undefined ? 3 : pin.tier === 'device' ? 1 : 2),
    })),
    tensors: tensors.map(tensor => ({...tensor})),
    links: [{from: 0, to: 1}],
    direction: 'one-way',
  };
  const measure: Measure = {
    layers: layers.map(({deviceNs, cloudNs}) => [deviceNs, cloudNs ?? 0]),
    up: tensors.map(tensor => [crossingNs(link, tensor, 'up')]),
    down: tensors.map(tensor => [crossingNs(link, tensor, 'down')]),
    // A layer that nothing joins to the device opens no link by itself, yet it is asked for.
    links: [0],
    hosted: [0],
    tiers: [deviceFixedNs, link.fixedNs],
  };
  return {space, measure};
}

test('two tiers one-way cost what the cut of a device and a cloud says', () => {
  let solved = 0;
  fc.assert(
    fc.property(randomProblem(12), problem => {
      // What handing over costs once hangs on both tiers being used, not on what crosses.
      const {link} = problem;
      const same = {...problem, link: link === null ? null : {...link, cutFixedNs: 0}};
      const goal = goalOfProblem(same);
      if (goal === null) return;
      const {best, bound} = searchGoal({...goal, objective: goal.measure, limits: []});
      try {
        expect({amount: best?.amount, bound}).toEqual({
          amount: choosePlacement(same).costNs,
          bound: choosePlacement(same).costNs,
        });
        solved += 1;
      } catch (error) {
        if (!(error instanceof ExpectedError)) throw error;
        expect(best).toBeNull();
      }
    }),
    {numRuns: 600},
  );
  expect(solved).toBeGreaterThan(300);
}, 120_000);

test('within a limit, with and without what does not add up, the least is that of brute force, and proven', () => {
  let limitedCount = 0;
  let impossible = 0;
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 2 ** 30}),
      fc.double({min: 0, max: 1, noNaN: true}),
      (one, share) => {
        const {space, measures} = randomGoal(one, 2, 7);
        const [objective, limited] = measures as [Measure, Measure];
        const placements = everyPlacement(space, measures);
        const free = searchGoal({space, objective, limits: []});
        expect(free.best?.amount ?? Infinity).toBe(leastWithin(placements, Infinity));
        if (free.best === null) return;
        expect(free.bound).toBe(free.best.amount);
        expect(amountOf(space, objective, free.best)).toBe(free.best.amount);
        const most = Math.floor(amountOf(space, limited, free.best) * (0.5 + 0.5 * share));
        const ofTop = (tiers: readonly number[]): number =>
          tiers.filter(tier => tier === space.tierCount - 1).length > 1 ? 20 : 0;
        for (const extraOf of [() => 0, ofTop]) {
          const limit: Limit = {name: 'limit', measure: limited, most, extraOf: ({tiers}) => extraOf(tiers)};
          const {best, bound, isExhausted} = searchGoal({space, objective, limits: [limit]});
          const least = leastWithin(placements, most, extraOf);
          expect({amount: best?.amount ?? Infinity, bound, isExhausted}).toEqual({
            amount: least,
            bound: least,
            isExhausted: true,
          });
          if (least === Infinity) impossible += 1;
          else limitedCount += 1;
        }
      },
    ),
    {numRuns: 200},
  );
  expect(limitedCount).toBeGreaterThan(15);
  expect(impossible).toBeGreaterThan(5);
}, 240_000);
