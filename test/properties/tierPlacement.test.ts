import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {costOfTiers} from '../../src/placement/tiers/costOfTiers.ts';
import {placeOnTiers} from '../../src/placement/tiers/placeOnTiers.ts';
import type {TierObjective, TierPlacement, TierProblem} from '../../src/placement/tiers/tierProblem.ts';
import {randomTierProblem} from './randomTierProblems.ts';
import {bruteForceTiers} from './tierBruteForce.ts';

const LARGEST_LAYERS = 8;

function problems(links: 'relay' | 'direct', hasMemory: boolean): fc.Arbitrary<TierProblem> {
  return fc
    .record({
      seed: fc.integer({min: 0, max: 2 ** 31}),
      layerCount: fc.integer({min: 1, max: LARGEST_LAYERS}),
      tierCount: fc.constantFrom(2, 3, 3),
      direction: fc.constantFrom('one-way' as const, 'two-way' as const),
    })
    .map(options => randomTierProblem({...options, links, hasMemory}));
}

function placementOrNull(
  problem: TierProblem,
  objective: TierObjective,
  nodeLimit?: number,
): TierPlacement | null {
  try {
    return placeOnTiers(problem, {objective, ...(nodeLimit === undefined ? {} : {nodeLimit})});
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}

/** Whether tensors join every layer to an input or an output. */
function hangsTogether({layers, tensors}: TierProblem): boolean {
  const joined = new Set<number | null>([null]);
  for (let before = -1; before !== joined.size;) {
    before = joined.size;
    for (const {producer, consumers, isOutput} of tensors) {
      const ends = [producer, ...consumers, ...(isOutput ? [null] : [])];
      if (ends.some(end => joined.has(end))) for (const end of ends) joined.add(end);
    }
  }
  return joined.size === layers.length + 1;
}

function heightOf(placement: TierPlacement): number {
  return placement.tiers.reduce((sum, tier) => sum + tier, 0);
}

for (const objective of ['latency', 'throughput'] as const)
  for (const links of ['relay', 'direct'] as const)
    for (const hasMemory of [false, true])
      test(`${objective} over ${links} links${hasMemory ? ' with limited memory' : ''} equals brute force`, () => {
        let feasible = 0;
        let proven = 0;
        let spread = 0;
        fc.assert(
          fc.property(problems(links, hasMemory), problem => {
            const expected = bruteForceTiers(problem, objective);
            const placement = placementOrNull(problem, objective);
            expect(placement?.certificate.cutNs ?? null).toBe(expected?.ns ?? null);
            if (placement === null || expected === null) return;
            feasible += 1;
            if (new Set(placement.tiers).size > 1) spread += 1;
            const {isOptimal, boundNs, flowNs, cutNs} = placement.certificate;
            expect(boundNs).toBeLessThanOrEqual(expected.ns);
            expect({isOptimal, flowNs}).toEqual({isOptimal: boundNs === cutNs, flowNs: boundNs});
            if (isOptimal) proven += 1;
            // A row without limits is one cut, in which every layer takes the lowest tier that any best cut gives it.
            if (objective === 'latency' && links === 'relay' && !hasMemory && hangsTogether(problem))
              expect({isOptimal, height: heightOf(placement)}).toEqual({
                isOptimal: true,
                height: expected.height,
              });
          }),
          {numRuns: 250},
        );
        // Were the problems all infeasible or all on one tier, the comparison would say little.
        expect(feasible).toBeGreaterThan(100);
        expect(spread).toBeGreaterThan(20);
        expect(proven).toBe(feasible);
      }, 120_000);

for (const objective of ['latency', 'throughput'] as const)
  test(`${objective} over four tiers with any links between them equals brute force`, () => {
    fc.assert(
      fc.property(
        fc.integer({min: 0, max: 2 ** 31}),
        fc.integer({min: 1, max: 5}),
        fc.constantFrom('one-way' as const, 'two-way' as const),
        fc.boolean(),
        (graphSeed, layerCount, direction, hasMemory) => {
          const problem = randomTierProblem({
            seed: graphSeed,
            layerCount,
            tierCount: 4,
            links: 'direct',
            direction,
            hasMemory,
          });
          const expected = bruteForceTiers(problem, objective);
          const placement = placementOrNull(problem, objective);
          expect(placement?.certificate.cutNs ?? null).toBe(expected?.ns ?? null);
          if (placement !== null) expect(placement.certificate.isOptimal).toBe(true);
        },
      ),
      {numRuns: 40},
    );
  }, 120_000);

test('the cost told is that of the assignment, and what crosses adds up to it', () => {
  fc.assert(
    fc.property(
      problems('direct', true),
      fc.constantFrom('latency' as const, 'throughput' as const),
      (problem, objective) => {
        const placement = placementOrNull(problem, objective);
        if (placement === null) return;
        const cost = costOfTiers(problem, placement.tiers, objective);
        expect(cost.violations).toEqual([]);
        const opened = new Set(placement.crossings.map(({link}) => link));
        const roundTrips = [...opened].reduce((sum, link) => sum + problem.links[link]!.roundTripNs, 0);
        const sumNs = [...cost.tierNs, ...cost.linkNs].reduce((sum, ns) => sum + ns, roundTrips);
        expect(placement.latencyNs).toBe(sumNs);
        expect(placement.bottleneckNs).toBe(Math.max(...cost.tierNs, ...cost.linkNs));
        const bytes = placement.crossings.map(({tensor}) => problem.tensors[tensor]!.bytes);
        expect(placement.bytes).toBe(bytes.reduce((sum, each) => sum + each, 0));
      },
    ),
    {numRuns: 300},
  );
});

test('a search that is cut short tells a bound that holds', () => {
  fc.assert(
    fc.property(
      problems('direct', false),
      fc.constantFrom('latency' as const, 'throughput' as const),
      fc.integer({min: 1, max: 5}),
      (problem, objective, nodeLimit) => {
        const placement = placementOrNull(problem, objective, nodeLimit);
        if (placement === null) return;
        const expected = bruteForceTiers(problem, objective);
        expect(placement.certificate.boundNs).toBeLessThanOrEqual(expected!.ns);
        expect(placement.certificate.cutNs).toBeGreaterThanOrEqual(expected!.ns);
      },
    ),
    {numRuns: 200},
  );
});

test('the order in which layers and tensors are listed does not change the cost', () => {
  fc.assert(
    fc.property(problems('direct', false), problem => {
      const placement = placementOrNull(problem, 'latency');
      const last = problem.layers.length - 1;
      const turned: TierProblem = {
        ...problem,
        layers: [...problem.layers].reverse(),
        tensors: [...problem.tensors].reverse().map(tensor => ({
          ...tensor,
          producer: tensor.producer === null ? null : last - tensor.producer,
          consumers: tensor.consumers.map(consumer => last - consumer),
        })),
      };
      expect(placementOrNull(turned, 'latency')?.latencyNs).toBe(placement?.latencyNs);
    }),
    {numRuns: 200},
  );
});
