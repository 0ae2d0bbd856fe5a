import {ExpectedError} from '../../src/errors.ts';
import {placeOnTiers} from '../../src/placement/tiers/placeOnTiers.ts';
import type {TierObjective} from '../../src/placement/tiers/tierProblem.ts';
import {largeTierProblem} from './largeTierProblem.ts';
import type {LargeTierOptions} from './largeTierProblem.ts';

interface TimedCase extends Omit<LargeTierOptions, 'direction'> {
  readonly objective: TierObjective;
  readonly graphs: number;
  /** Of the 95th percentile; `null`: only shown. */
  readonly budgetMs: number | null;
}

const plain = {
  tierCount: 2,
  hasDirectLink: false,
  memoryShare: null,
  objective: 'latency',
  graphs: 20,
} as const;
const CASES: readonly TimedCase[] = [
  {...plain, layerCount: 800, budgetMs: 50},
  {...plain, layerCount: 2000, budgetMs: 300},
  {...plain, layerCount: 10_000, budgetMs: 2000, graphs: 10},
  {...plain, layerCount: 2000, tierCount: 3, budgetMs: 1000},
  {...plain, layerCount: 200, tierCount: 3, hasDirectLink: true, budgetMs: null},
  {...plain, layerCount: 2000, tierCount: 3, hasDirectLink: true, budgetMs: null, graphs: 5},
  {...plain, layerCount: 200, tierCount: 3, memoryShare: 0.5, budgetMs: null, graphs: 5},
  {...plain, layerCount: 200, tierCount: 3, objective: 'throughput', budgetMs: null, graphs: 5},
  {...plain, layerCount: 2000, objective: 'throughput', budgetMs: null, graphs: 3},
];

/** Prints one row for each case and direction; true when all budgets are kept. */
export function timePlacements(): boolean {
  let isWithinBudget = true;
  const rows = CASES.flatMap(({objective, graphs, budgetMs, ...options}) =>
    (['one-way', 'two-way'] as const).map(direction => {
      const times: number[] = [];
      const gaps: number[] = [];
      let infeasible = 0;
      // Seed 0 warms up and is not counted.
      for (let seed = 0; seed <= graphs; seed++) {
        const problem = largeTierProblem(seed, {...options, direction});
        const started = performance.now();
        const gap = gapOf(() => placeOnTiers(problem, {objective}).certificate);
        if (seed === 0) continue;
        times.push(performance.now() - started);
        if (gap === null) infeasible += 1;
        else gaps.push(gap);
      }
      times.sort((left, right) => left - right);
      const at = (share: number): number => times[Math.ceil(share * times.length) - 1] ?? 0;
      if (budgetMs !== null && at(0.95) > budgetMs) isWithinBudget = false;
      return {
        layers: options.layerCount,
        tiers: `${options.tierCount}${options.hasDirectLink ? ' + direct link' : ''}`,
        limits: `${direction}${options.memoryShare === null ? '' : ', memory'}`,
        objective,
        graphs,
        'median ms': Math.round(at(0.5)),
        'p95 ms': Math.round(at(0.95)),
        'budget ms': budgetMs ?? '',
        proven: gaps.filter(gap => gap === 0).length,
        infeasible,
        'largest gap %': Number((100 * Math.max(0, ...gaps)).toFixed(2)),
      };
    }),
  );
  console.table(rows);
  return isWithinBudget;
}

/** How far above the bound the placement is, as a share of the bound; `null` when there is none. */
function gapOf(place: () => {readonly cutNs: number; readonly boundNs: number}): number | null {
  try {
    const {cutNs, boundNs} = place();
    return cutNs === boundNs ? 0 : cutNs / boundNs - 1;
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}
