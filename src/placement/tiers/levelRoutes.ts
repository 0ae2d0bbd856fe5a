import type {RouteDemand} from './chooseRoutes.ts';
import {crossingNs} from './routes.ts';
import type {Route} from './routes.ts';
import type {TierLink, TierProblem, TierTensor} from './tierProblem.ts';

/** Deciding routes for the busiest link contains number partition, so the search ends after so many steps. */
const MOST_STEPS = 20_000;

/** Whole weights of links sum to about this, and their best mean is looked for in so many rounds. */
const TOTAL_WEIGHT = 1024;
const WEIGHT_ROUNDS = 30;

export interface LevelledRoutes {
  /** One index of a route per demand. */
  readonly chosen: readonly number[];
  /** No choice makes the busiest link or tier less busy than this, or than `knownNs` if that is lower; proven. */
  readonly boundNs: number;
}

/** Per link, what one route of one tensor adds to it. */
type Loads = readonly number[];

/** One way to go on with a tensor. */
interface Choice {
  readonly choice: number;
  readonly added: Loads;
  /** No routes for the tensors that follow make the busiest link less busy. */
  readonly bound: number;
  readonly busiest: number;
}

/**
 * Routes that keep the busiest link as little busy as possible, depth first with the largest tensors first. It stops
 * at what the busiest tier takes anyway, since being better than that gains nothing.
 * @param knownNs what another placement reaches: routes that cannot be better are not told apart
 */
export function levelRoutes(
  problem: Pick<TierProblem, 'links' | 'tensors'>,
  demands: readonly RouteDemand[],
  busiestTierNs: number,
  knownNs: number,
): LevelledRoutes {
  const {links} = problem;
  const options = demands.map(({tensor, routes}) =>
    routes.map(route => loadsOf(route, links, problem.tensors[tensor] as TierTensor)),
  );
  const chosen = demands.map(() => 0);
  const fixed = links.map(() => 0);
  const undecided: number[] = [];
  options.forEach((choices, index) => {
    if (choices.length > 1) undecided.push(index);
    else addTo(fixed, choices[0] ?? [], 1);
  });
  const busiestOf = (loads: Loads): number => Math.max(busiestTierNs, ...loads);
  if (undecided.length === 0) return {chosen, boundNs: busiestOf(fixed)};

  const smallestNs = demands.map(({ns}) => Math.min(...ns));
  undecided.sort((a, b) => (smallestNs[b] as number) - (smallestNs[a] as number) || a - b);
  const open = undecided.map(index => options[index] ?? []);
  const weights = findWeights(open, fixed);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // From each position on, what is yet to be decided adds at least this to the weighted sum.
  const ahead = new Array<number>(open.length + 1).fill(0);
  for (let position = open.length - 1; position >= 0; position--)
    ahead[position] =
      (ahead[position + 1] as number) +
      Math.min(...(open[position] ?? []).map(loads => weighted(weights, loads)));
  const boundFrom = (position: number, loads: Loads): number =>
    Math.max(busiestOf(loads), Math.ceil((weighted(weights, loads) + (ahead[position] as number)) / total));

  const loads = [...fixed];
  const floorNs = boundFrom(0, loads);
  const current = new Array<number>(open.length).fill(0);
  let best = [...current];
  let bestNs = Infinity;
  let steps = 0;
  const choicesAt = (position: number): Choice[] =>
    (open[position] ?? [])
      .map((added, choice) => {
        addTo(loads, added, 1);
        const tried = {choice, added, bound: boundFrom(position + 1, loads), busiest: busiestOf(loads)};
        addTo(loads, added, -1);
        return tried;
      })
      .sort((a, b) => b.bound - a.bound || b.busiest - a.busiest || b.choice - a.choice);
  // Best last, to be taken from the end; a stack of our own, because there may be more tensors than calls can be nested.
  const untried = [choicesAt(0)];
  const taken: Loads[] = [];
  while (untried.length > 0 && bestNs > floorNs && steps <= MOST_STEPS) {
    const next = untried.at(-1)?.pop();
    if (next === undefined || (bestNs < Infinity && next.bound >= Math.min(bestNs, knownNs))) {
      untried.pop();
      const last = taken.pop();
      if (last !== undefined) addTo(loads, last, -1);
      continue;
    }
    // A first solution is always reached: without one there would be nothing to return.
    if (bestNs < Infinity) steps += 1;
    current[taken.length] = next.choice;
    addTo(loads, next.added, 1);
    if (taken.length + 1 < open.length) {
      taken.push(next.added);
      untried.push(choicesAt(taken.length));
      continue;
    }
    const ns = busiestOf(loads);
    if (ns < bestNs) {
      best = [...current];
      bestNs = ns;
    }
    addTo(loads, next.added, -1);
  }
  undecided.forEach((index, position) => {
    chosen[index] = best[position] as number;
  });
  return {chosen, boundNs: steps > MOST_STEPS ? floorNs : Math.min(bestNs, Math.max(knownNs, floorNs))};
}

/**
 * Whole weights of the links under which the cheapest routes are dearest: a weighted mean is never above the busiest.
 * @see Plotkin, Shmoys and Tardos, "Fast approximation algorithms for fractional packing and covering problems" (1995)
 */
function findWeights(open: readonly (readonly Loads[])[], fixed: Loads): number[] {
  let parts = fixed.map(() => 1);
  let best = {weights: fixed.map(() => 1), value: -1};
  for (let round = 1; round <= WEIGHT_ROUNDS; round++) {
    const sum = parts.reduce((total, part) => total + part, 0);
    const weights = parts.map(part => Math.round((part / sum) * TOTAL_WEIGHT));
    const loads = [...fixed];
    for (const choices of open) {
      const costs = choices.map(added => weighted(weights, added));
      addTo(loads, choices[costs.indexOf(Math.min(...costs))] ?? [], 1);
    }
    const value = weighted(weights, loads) / weights.reduce((total, weight) => total + weight, 0);
    if (value > best.value) best = {weights, value};
    const busiest = Math.max(...loads);
    if (busiest === 0) break;
    parts = parts.map((part, link) => part * Math.exp((2 / round) * ((loads[link] as number) / busiest)));
  }
  return best.weights;
}

function loadsOf({steps}: Route, links: readonly TierLink[], tensor: TierTensor): number[] {
  const loads = links.map(() => 0);
  for (const step of steps) loads[step.link] = (loads[step.link] as number) + crossingNs(links, tensor, step);
  return loads;
}

function addTo(loads: number[], added: Loads, sign: 1 | -1): void {
  added.forEach((ns, link) => {
    loads[link] = (loads[link] as number) + sign * ns;
  });
}

function weighted(weights: readonly number[], loads: Loads): number {
  return loads.reduce((sum, ns, link) => sum + ns * (weights[link] as number), 0);
}
