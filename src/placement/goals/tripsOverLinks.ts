import {orderSegments} from '../../model/orderSegments.ts';
import type {OrderedGraph} from '../../model/orderSegments.ts';
import type {Space, SpacePlacement} from './space.ts';

/**
 * Counts how often a request opens each link when its layers run in the order in which they are released: once for each time
 * that it moves on from below the link to above it, or over a link of its own where there is one, and at least once where
 * anything crosses. What was counted is kept: searches ask again and again.
 */
export function createTripCounter(
  graph: OrderedGraph,
  links: Space['links'],
): (placement: SpacePlacement) => readonly number[] {
  const known = new Map<string, readonly number[]>();
  return ({tiers, crossings}) => {
    const key = `${tiers.join()} ${crossings.map(({link}) => link).join()}`;
    const found = known.get(key) ?? countTrips(graph, links, tiers, new Set(crossings.map(({link}) => link)));
    known.set(key, found);
    return found;
  };
}

function countTrips(
  graph: OrderedGraph,
  links: Space['links'],
  tiers: readonly number[],
  opened: ReadonlySet<number>,
): number[] {
  const trips = links.map((_, link) => (opened.has(link) ? 1 : 0));
  const risen = links.map(() => 0);
  let at = 0;
  for (const {tier} of orderSegments(graph, tiers)) {
    const direct = links.findIndex(({from, to}, link) => from === at && to === tier && opened.has(link));
    if (tier > at && direct !== -1) risen[direct] = (risen[direct] ?? 0) + 1;
    else
      links.forEach(({from, to}, link) => {
        if (opened.has(link) && from >= at && to <= tier) risen[link] = (risen[link] ?? 0) + 1;
      });
    at = tier;
  }
  return trips.map((least, link) => (opened.has(link) ? Math.max(least, risen[link] ?? 0) : 0));
}
