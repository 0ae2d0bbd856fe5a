import type {Route} from './routes.ts';
import type {TierLink} from './tierProblem.ts';

/** One tensor that has to cross, and the ways it could take. */
export interface RouteDemand {
  readonly tensor: number;
  /** Not empty; `ns[i]` is what `routes[i]` takes over all its links. */
  readonly routes: readonly Route[];
  readonly ns: readonly number[];
}

/**
 * The index of a route for each demand, so that crossings and the round trips of the links used take least together.
 * Exact: links whose round trip may or may not be worth while are tried open and closed, best bound first down the tree.
 */
export function chooseCheapestRoutes(demands: readonly RouteDemand[], links: readonly TierLink[]): number[] {
  let best: number[] = [];
  let bestNs = Infinity;
  const tryLinks = (openMask: number, closedMask: number): void => {
    let ns = openingNs(links, openMask);
    let usedMask = 0;
    const chosen: number[] = [];
    for (const demand of demands) {
      const index = cheapestWithout(demand, closedMask, openMask);
      if (index === -1) return;
      ns += demand.ns[index] as number;
      usedMask |= (demand.routes[index] as Route).linkMask;
      chosen.push(index);
      if (ns >= bestNs) return;
    }
    // Links that cost nothing to open are as good as open; so the choice stands unless a round trip is yet to be paid.
    const unpaid = links.findIndex((link, index) => {
      const bit = 1 << index;
      return link.roundTripNs > 0 && (usedMask & bit) !== 0 && (openMask & bit) === 0;
    });
    if (unpaid === -1) {
      best = chosen;
      bestNs = ns;
      return;
    }
    tryLinks(openMask | (1 << unpaid), closedMask);
    tryLinks(openMask, closedMask | (1 << unpaid));
  };
  tryLinks(0, 0);
  return best;
}

/** Of equally cheap routes the one that opens fewest further links, then the first. */
function cheapestWithout({routes, ns}: RouteDemand, closedMask: number, openMask: number): number {
  let best = -1;
  for (let index = 0; index < routes.length; index++) {
    const {linkMask} = routes[index] as Route;
    if ((linkMask & closedMask) !== 0) continue;
    if (best === -1) best = index;
    const ahead = (ns[index] as number) - (ns[best] as number);
    const bestMask = (routes[best] as Route).linkMask;
    if (ahead < 0 || (ahead === 0 && bitCount(linkMask & ~openMask) < bitCount(bestMask & ~openMask)))
      best = index;
  }
  return best;
}

function openingNs(links: readonly TierLink[], mask: number): number {
  return links.reduce((sum, link, index) => sum + ((mask & (1 << index)) === 0 ? 0 : link.roundTripNs), 0);
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
