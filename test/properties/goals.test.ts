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
import {seededNumbers} from './largeProblem.ts';
import {randomProblem} from './randomProblems.ts';
import {randomTierProblem} from './randomTierProblems.ts';

const seed = Number(process.env.EDGEWISE_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`goal properties: EDGEWISE_SEED=${seed}`);

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
    {numRuns: 600, seed},
  );
  expect(solved).toBeGreaterThan(300);
}, 120_000);

/** A row of tiers with two quantities, from a seed. */
function randomGoal(seedOfOne: number): {space: Space; measures: [Measure, Measure]} {
  const next = seededNumbers(seedOfOne);
  const below = (end: number): number => Math.floor(next() * end);
  const {layers, tensors, tierCount, direction} = randomTierProblem({
    seed: seedOfOne,
    layerCount: 1 + below(7),
    tierCount: 2 + below(2),
    links: 'relay',
    direction: next() < 0.5 ? 'one-way' : 'two-way',
    hasMemory: false,
  });
  const links = Array.from({length: tierCount - 1}, (_, from) => ({from, to: from + 1}));
  const space: Space = {
    tierCount,
    layers: layers.map(({name, timesNs, allowedTiers}) => ({
      name,
      tierMask: timesNs.reduce<number>(
        (mask, ns, tier) =>
          ns !== null && allowedTiers?.includes(tier) !== false ? mask | (1 << tier) : mask,
        0,
      ),
    })),
    tensors: tensors.map(tensor => ({...tensor, canCross: next() > 0.05})),
    links,
    direction,
  };
  const amounts = (length: number): number[] => Array.from({length}, () => (next() < 0.2 ? 0 : below(50)));
  const measure = (): Measure => ({
    layers: layers.map(() => amounts(tierCount)),
    up: tensors.map(() => amounts(links.length)),
    down: tensors.map(() => amounts(links.length)),
    links: amounts(links.length),
    hosted: amounts(links.length),
    tiers: amounts(tierCount),
  });
  return {space, measures: [measure(), measure()]};
}

/** Every assignment by trying them all: in a row each tensor has one way only. */
function bruteForce(
  {tierCount, layers, tensors, direction}: Space,
  [objective, limited]: readonly [Measure, Measure],
  most: number,
  extraOf: (tiers: readonly number[]) => number,
): number {
  let least = Infinity;
  for (let code = 0; code < tierCount ** layers.length; code++) {
    const tiers = layers.map((_, layer) => Math.floor(code / tierCount ** layer) % tierCount);
    if (tiers.some((tier, layer) => (layers[layer]!.tierMask & (1 << tier)) === 0)) continue;
    let isAllowed = true;
    const used = new Set(tiers);
    const opened = new Set<number>();
    const amounts = [objective, limited].map(measure => {
      let amount = [...used].reduce((sum, tier) => sum + measure.tiers[tier]!, 0);
      tiers.forEach((tier, layer) => (amount += measure.layers[layer]![tier]!));
      tensors.forEach(({producer, consumers, isOutput, canCross}, index) => {
        const from = producer === null ? 0 : tiers[producer]!;
        const readers = consumers.map(layer => tiers[layer]!);
        const highest = Math.max(from, ...readers);
        const lowest = Math.min(from, ...readers);
        if (direction === 'one-way' && lowest < from) isAllowed = false;
        if (!canCross && (highest !== from || lowest !== from || (isOutput && from !== 0))) isAllowed = false;
        for (let link = from; link < highest; link++) {
          amount += measure.up[index]![link]!;
          opened.add(link);
        }
        const end = isOutput ? 0 : lowest;
        for (let link = from - 1; link >= end; link--) {
          amount += measure.down[index]![link]!;
          opened.add(link);
        }
      });
      for (const link of opened)
        amount += measure.links[link]! + (used.has(link) ? measure.hosted[link]! : 0);
      return amount;
    });
    if (isAllowed && amounts[1]! + extraOf(tiers) <= most) least = Math.min(least, amounts[0]!);
  }
  return least;
}

test('within a limit, with and without what does not add up, the least is that of brute force, and proven', () => {
  let limitedCount = 0;
  let impossible = 0;
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 2 ** 30}),
      fc.double({min: 0, max: 1, noNaN: true}),
      (one, share) => {
        const {space, measures} = randomGoal(one);
        const [objective, limited] = measures;
        const free = searchGoal({space, objective, limits: []});
        expect(free.best?.amount ?? Infinity).toBe(bruteForce(space, measures, Infinity, () => 0));
        if (free.best === null) return;
        expect(free.bound).toBe(free.best.amount);
        expect(amountOf(space, objective, free.best)).toBe(free.best.amount);
        const most = Math.floor(amountOf(space, limited, free.best) * (0.5 + 0.5 * share));
        const ofTop = (tiers: readonly number[]): number =>
          tiers.filter(tier => tier === space.tierCount - 1).length > 1 ? 20 : 0;
        for (const extraOf of [() => 0, ofTop]) {
          const limit: Limit = {name: 'limit', measure: limited, most, extraOf: ({tiers}) => extraOf(tiers)};
          const {best, bound, isExhausted} = searchGoal({space, objective, limits: [limit]});
          const least = bruteForce(space, measures, most, extraOf);
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
    {numRuns: 200, seed},
  );
  expect(limitedCount).toBeGreaterThan(15);
  expect(impossible).toBeGreaterThan(5);
}, 240_000);
