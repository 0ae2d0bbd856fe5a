import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {placeOnTiers} from '../../src/placement/tiers/placeOnTiers.ts';
import type {TierObjective, TierPlacement, TierProblem} from '../../src/placement/tiers/tierProblem.ts';
import {randomTierProblem} from './randomTierProblems.ts';

/** So few that most searches end early: then only what they begin with keeps the answers in order. */
const CUTS = 4;

const objectives = fc.constantFrom<TierObjective>('latency', 'throughput');

function problems(direction: 'one-way' | 'two-way', hasMemory: boolean): fc.Arbitrary<TierProblem> {
  return fc
    .record({
      seed: fc.integer({min: 0, max: 2 ** 31}),
      layerCount: fc.integer({min: 20, max: 60}),
      tierCount: fc.constantFrom(2, 3),
      links: fc.constantFrom('relay' as const, 'direct' as const),
    })
    .map(options => randomTierProblem({...options, direction, hasMemory}));
}

function placementOrNull(problem: TierProblem, objective: TierObjective): TierPlacement | null {
  try {
    return placeOnTiers(problem, {objective, nodeLimit: CUTS});
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}

/** How many of the narrower problems could be answered at all. */
function compareAnswers(
  wide: fc.Arbitrary<TierProblem>,
  narrow: (problem: TierProblem) => TierProblem | null,
  runs: number,
): number {
  let compared = 0;
  fc.assert(
    fc.property(wide, objectives, (problem, objective) => {
      const narrower = narrow(problem);
      if (narrower === null) return;
      const least = placementOrNull(narrower, objective)?.certificate.cutNs ?? null;
      if (least === null) return;
      compared += 1;
      expect(placementOrNull(problem, objective)?.certificate.cutNs).toBeLessThanOrEqual(least);
    }),
    {numRuns: runs},
  );
  return compared;
}

for (const hasMemory of [false, true])
  test(`data that may also come down is never placed worse${hasMemory ? ', with limited memory' : ''}`, () => {
    const compared = compareAnswers(
      problems('two-way', hasMemory),
      problem => ({...problem, direction: 'one-way'}),
      60,
    );
    expect(compared).toBeGreaterThan(10);
  }, 60_000);

test('links beside the row never make the answer worse', () => {
  const compared = compareAnswers(
    problems('two-way', false),
    problem => {
      const row = problem.links.filter(({from, to}) => to === from + 1);
      const hasMore = row.length < problem.links.length;
      return hasMore && row.length === problem.tierCount - 1 ? {...problem, links: row} : null;
    },
    120,
  );
  expect(compared).toBeGreaterThan(10);
}, 60_000);

test('no limited memory is answered below the bound of unlimited memory', () => {
  fc.assert(
    fc.property(problems('two-way', true), objectives, (problem, objective) => {
      const limited = placementOrNull(problem, objective);
      if (limited === null) return;
      const free = placementOrNull({...problem, memoryBytes: problem.memoryBytes.map(() => null)}, objective);
      expect(free?.certificate.boundNs).toBeLessThanOrEqual(limited.certificate.cutNs);
      if (free?.certificate.isOptimal === true)
        expect(free.certificate.cutNs).toBeLessThanOrEqual(limited.certificate.cutNs);
    }),
    {numRuns: 40},
  );
}, 60_000);
