import {goalOfTiers} from '../../src/placement/goals/goalOfTiers.ts';
import {searchGoal, type Limit} from '../../src/placement/goals/goalSearch.ts';
import {amountOf, type Measure, type Space} from '../../src/placement/goals/space.ts';
import {everyPlacement, leastWithin, randomGoal} from '../../test/properties/goalBruteForce.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {largeTierProblem} from './largeTierProblem.ts';

const MOST_LAYERS = 9;
const LARGE_LAYERS = [200, 800, 2000] as const;
const LARGE_GRAPHS = 3;
const LARGE_SHARES = [0.3, 0.6] as const;

/**
 * The least of one quantity within a limit on another, with and without parts of it that do not add up layer by layer (as what
 * lives in memory does not), against brute force on random graphs; true when no optimum and no bound is wrong.
 */
export function compareGoalsWithBruteForce(graphs: number, seed: number): boolean {
  const next = seededNumbers(seed);
  const tally = {limited: 0, impossible: 0, mismatches: 0, 'bound wrong': 0, 'not proven': 0};
  for (let graph = 0; graph < graphs; graph++) {
    const graphSeed = Math.floor(next() * 2 ** 31);
    const {space, measures} = randomGoal(graphSeed, 2, MOST_LAYERS);
    const [objective, limited] = measures as [Measure, Measure];
    const placements = everyPlacement(space, measures);
    const limits = placements.map(({amounts}) => amounts[1] ?? 0).sort((left, right) => left - right);
    const most = limits[Math.floor(next() * limits.length * 0.7)] ?? 0;
    const isCrowded = (tiers: readonly number[]): boolean =>
      tiers.filter(tier => tier === space.tierCount - 1).length > 1;
    const extraOf = next() < 0.5 ? () => 0 : (tiers: readonly number[]) => (isCrowded(tiers) ? 20 : 0);
    const limit: Limit = {name: 'limit', measure: limited, most, extraOf: ({tiers}) => extraOf(tiers)};
    const {best, bound} = searchGoal({space, objective, limits: [limit]});
    const least = leastWithin(placements, most, extraOf);
    if ((best?.amount ?? Infinity) !== least) {
      tally.mismatches += 1;
      console.log(`mismatch: seed ${graphSeed}, within ${most}`);
    }
    if (bound > least) tally['bound wrong'] += 1;
    if (best !== null && bound < best.amount) tally['not proven'] += 1;
    tally[least === Infinity ? 'impossible' : 'limited'] += 1;
  }
  console.log(`${graphs} graphs with a limit (seed ${seed}), up to ${MOST_LAYERS} layers on 2 and 3 tiers:`);
  console.table([tally]);
  return tally.mismatches + tally['bound wrong'] === 0;
}

/** How far large problems with limited memory stay from proven, and how long they take: shown, there is no bar. */
export function showLargeGoals(): void {
  const rows = LARGE_LAYERS.flatMap(layers =>
    LARGE_SHARES.flatMap(share =>
      Array.from({length: LARGE_GRAPHS}, (_, seed) => {
        const {space, objective, weights} = largeGoal(seed + 1, layers);
        const takenBy = (measure: Measure): number => {
          const {best} = searchGoal({space, objective: measure, limits: []});
          if (best === null) throw new Error('a large problem without a placement');
          return amountOf(space, weights, best);
        };
        const least = takenBy(weights);
        const most = Math.floor(least + share * (takenBy(objective) - least));
        const started = performance.now();
        const {best, bound} = searchGoal({
          space,
          objective,
          limits: [{name: 'memory', measure: weights, most}],
        });
        return {
          layers,
          'limit at': share,
          seed: seed + 1,
          ms: Math.round(performance.now() - started),
          'gap %': best === null ? 'none found' : Number(((100 * (best.amount - bound)) / bound).toFixed(3)),
        };
      }),
    ),
  );
  console.log(
    'memory of the device limited to a share of the way from the least possible to what the best placement takes there:',
  );
  console.table(rows);
}

function largeGoal(seed: number, layerCount: number): {space: Space; objective: Measure; weights: Measure} {
  const problem = largeTierProblem(seed, {
    layerCount,
    tierCount: 2,
    direction: 'one-way',
    hasDirectLink: false,
    memoryShare: 1,
  });
  const {space, latency, limits} = goalOfTiers(problem);
  const memory = limits[0];
  if (memory === undefined) throw new Error('a problem without a limit of memory');
  return {space, objective: latency, weights: memory.measure};
}
