import type {TierLink} from './tierProblem.ts';

/**
 * The tiers from left to right, such that links join neighbours wherever the links form rows: then every route is the
 * only one, and the ordered cut is exact. Otherwise as they are numbered.
 * @param closedMask bit i: link i may not be used
 */
export function orderOfTiers(tierCount: number, links: readonly TierLink[], closedMask: number): number[] {
  const numbered = Array.from({length: tierCount}, (_, tier) => tier);
  const open = links.filter((_, index) => (closedMask & (1 << index)) === 0);
  if (open.every(({from, to}) => to === from + 1)) return numbered;
  const neighbours = numbered.map(tier =>
    open.flatMap(({from, to}) => (from === tier ? [to] : to === tier ? [from] : [])),
  );
  if (neighbours.some(({length}) => length > 2)) return numbered;
  const order: number[] = [];
  const visited = new Set<number>();
  for (const end of numbered) {
    if (visited.has(end) || (neighbours[end]?.length ?? 0) > 1) continue;
    for (let tier: number | undefined = end; tier !== undefined;) {
      visited.add(tier);
      order.push(tier);
      tier = neighbours[tier]?.find(next => !visited.has(next));
    }
  }
  // What is left lies on a ring.
  return order.length === tierCount ? order : numbered;
}

/** Whether every link joins neighbours of the order, so that the ordered cut charges exactly what a route costs. */
export function isRow(order: readonly number[], links: readonly TierLink[], closedMask: number): boolean {
  return links.every(
    ({from, to}, index) =>
      (closedMask & (1 << index)) !== 0 || Math.abs(order.indexOf(from) - order.indexOf(to)) === 1,
  );
}
