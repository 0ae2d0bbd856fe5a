import {ExpectedError} from '../../src/errors.ts';
import {placeOnTiers} from '../../src/placement/tiers/placeOnTiers.ts';
import type {TierObjective, TierPlacement, TierProblem} from '../../src/placement/tiers/tierProblem.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {randomTierProblem} from '../../test/properties/randomTierProblems.ts';
import {bruteForceTiers} from '../../test/properties/tierBruteForce.ts';

/** Brute force tries tiers ^ layers assignments: 16,384, 19,683 and 4,096. */
const LARGEST_LAYERS = {2: 14, 3: 9, 4: 6} as const;

interface Tally {
  graphs: number;
  feasible: number;
  'on several tiers': number;
  mismatches: number;
  'bound wrong': number;
  'not proven': number;
}

/** Prints one row for each kind of problem; true when no optimum and no bound is wrong. */
export function compareWithBruteForce(graphs: number, seed: number): boolean {
  const next = seededNumbers(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const tallies = new Map<string, Tally>();
  for (let graph = 0; graph < graphs; graph++) {
    // Four are for the links that three do not have; brute force is slow on them.
    const tierCount = next() < 0.03 ? 4 : pick([2, 3, 3] as const);
    const links = tierCount === 2 ? 'relay' : pick(['relay', 'direct'] as const);
    const direction = pick(['one-way', 'two-way'] as const);
    const objective: TierObjective = pick(['latency', 'latency', 'throughput'] as const);
    const hasMemory = next() < 0.3;
    const layerCount = 1 + Math.floor(next() * LARGEST_LAYERS[tierCount]);
    const graphSeed = Math.floor(next() * 2 ** 31);
    const problem = randomTierProblem({seed: graphSeed, layerCount, tierCount, links, direction, hasMemory});
    const kind = `${tierCount} tiers, ${links}, ${direction}, ${objective}${hasMemory ? ', memory' : ''}`;
    const tally = tallies.get(kind) ?? {
      graphs: 0,
      feasible: 0,
      'on several tiers': 0,
      mismatches: 0,
      'bound wrong': 0,
      'not proven': 0,
    };
    tallies.set(kind, tally);
    const expected = bruteForceTiers(problem, objective);
    const placement = placementOrNull(problem, objective);
    tally.graphs += 1;
    if ((placement?.certificate.cutNs ?? null) !== (expected?.ns ?? null)) {
      tally.mismatches += 1;
      console.log(`mismatch: ${kind}, seed ${graphSeed}, ${layerCount} layers`);
    }
    if (placement === null || expected === null) continue;
    tally.feasible += 1;
    if (new Set(placement.tiers).size > 1) tally['on several tiers'] += 1;
    if (placement.certificate.boundNs > expected.ns) tally['bound wrong'] += 1;
    if (!placement.certificate.isOptimal) tally['not proven'] += 1;
  }
  console.table(Object.fromEntries([...tallies].sort(([left], [right]) => (left < right ? -1 : 1))));
  const sum = (name: keyof Tally): number =>
    [...tallies.values()].reduce((total, tally) => total + tally[name], 0);
  console.log(
    `${graphs} graphs (seed ${seed}), ${sum('feasible')} feasible, ${sum('on several tiers')} on several tiers: ` +
      `${sum('mismatches')} mismatches, ${sum('bound wrong')} bounds wrong, ${sum('not proven')} not proven optimal`,
  );
  return sum('mismatches') + sum('bound wrong') === 0;
}

function placementOrNull(problem: TierProblem, objective: TierObjective): TierPlacement | null {
  try {
    return placeOnTiers(problem, {objective});
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}
