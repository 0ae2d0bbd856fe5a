import type {RouteDemand} from './chooseRoutes.ts';
import {crossingNs} from './routes.ts';
import type {Route} from './routes.ts';
import type {TierLink, TierProblem} from './tierProblem.ts';

/** Deciding routes for the busiest link contains number partition, so the search ends after so many steps. */
const MOST_STEPS = 20_000;

export interface LevelledRoutes {
  /** One index of a route per demand. */
  readonly chosen: readonly number[];
  /** No choice makes the busiest link or tier less busy; proven. */
  readonly boundNs: number;
}

/**
 * Routes that keep the busiest link as little busy as possible, depth first with the largest tensors first. It stops
 * at what the busiest tier takes anyway, since being better than that gains nothing.
 */
export function levelRoutes(
  problem: Pick<TierProblem, 'links' | 'tensors'>,
  demands: readonly RouteDemand[],
  busiestTierNs: number,
): LevelledRoutes {
  const {links, tensors} = problem;
  const order = demands.map((_, index) => index);
  const choices = (index: number): number => (demands[index] as RouteDemand).routes.length;
  const leastNs = (index: number): number => Math.min(...(demands[index] as RouteDemand).ns);
  order.sort((a, b) => Number(choices(a) > 1) - Number(choices(b) > 1) || leastNs(b) - leastNs(a) || a - b);
  const loads = new Array<number>(links.length).fill(0);
  const add = (demand: RouteDemand, route: Route, sign: 1 | -1): void => {
    const bytes = tensors[demand.tensor]?.bytes ?? 0;
    for (const {link, direction} of route.steps)
      loads[link] = (loads[link] as number) + sign * crossingNs(links[link] as TierLink, bytes, direction);
  };
  const busiestNs = (): number => Math.max(busiestTierNs, ...loads);

  const firstChoice = order.findIndex(index => choices(index) > 1);
  const forced = firstChoice === -1 ? order : order.slice(0, firstChoice);
  for (const index of forced)
    add(demands[index] as RouteDemand, (demands[index] as RouteDemand).routes[0] as Route, 1);
  const chosen = new Array<number>(demands.length).fill(0);
  if (forced.length === order.length) return {chosen, boundNs: busiestNs()};

  const undecided = order.slice(forced.length);
  // All links together cannot take less than the cheapest routes do, so the busiest takes at least its share.
  const total =
    loads.reduce((sum, ns) => sum + ns, 0) + undecided.reduce((sum, index) => sum + leastNs(index), 0);
  const floorNs = Math.max(busiestNs(), Math.ceil(total / links.length));
  const current = [...chosen];
  let best = [...chosen];
  let bestNs = Infinity;
  let steps = 0;
  const decide = (position: number): void => {
    if (bestNs <= floorNs || busiestNs() >= bestNs) return;
    const index = undecided[position];
    if (index === undefined) {
      best = [...current];
      bestNs = busiestNs();
      return;
    }
    const demand = demands[index] as RouteDemand;
    const loadsAfter = demand.routes.map(route => {
      add(demand, route, 1);
      const ns = busiestNs();
      add(demand, route, -1);
      return ns;
    });
    const byLoad = demand.routes.map((_, route) => route);
    byLoad.sort((a, b) => (loadsAfter[a] as number) - (loadsAfter[b] as number) || a - b);
    for (const route of byLoad) {
      // A first solution is always reached: without one there would be nothing to return.
      if (bestNs < Infinity && ++steps > MOST_STEPS) return;
      current[index] = route;
      add(demand, demand.routes[route] as Route, 1);
      decide(position + 1);
      add(demand, demand.routes[route] as Route, -1);
    }
  };
  decide(0);
  return {chosen: best, boundNs: steps > MOST_STEPS ? Math.min(bestNs, floorNs) : bestNs};
}
