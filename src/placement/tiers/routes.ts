import type {TierLink, TierProblem, TierTensor} from './tierProblem.ts';

export interface RouteStep {
  /** Index into `links`. */
  readonly link: number;
  readonly direction: 'up' | 'down';
}

/** A tree along which one tensor gets from its tier to all tiers that need it. */
export interface Route {
  readonly steps: readonly RouteStep[];
  /** Bit i is set when link i is taken. */
  readonly linkMask: number;
}

interface Arc extends RouteStep {
  readonly from: number;
  readonly to: number;
}

/** More links would not fit into one 31-bit mask; ten tiers in a row have nine. */
const MOST_LINKS = 30;

/** Whole nanoseconds for a tensor over a link in one direction, without its round trip. */
export function crossingNs(
  links: readonly TierLink[],
  {bytes, upNs, downNs}: Pick<TierTensor, 'bytes' | 'upNs' | 'downNs'>,
  {link: index, direction}: RouteStep,
): number {
  const told = (direction === 'up' ? upNs : downNs)?.[index];
  if (told !== undefined) return told;
  const link = links[index] as TierLink;
  return Math.round(bytes * (direction === 'up' ? link.upNsPerByte : link.downNsPerByte));
}

/**
 * All routes without a needless step, found once for each question. One-way, a tensor rises first and then returns:
 * where layers read it, it has not come down yet. So the tiers are doubled there, k for rising, tierCount + k for
 * returning, and whatever has risen to a tier may turn back on it.
 */
export class Routes {
  readonly #tierCount: number;
  readonly #isOneWay: boolean;
  readonly #leaving: readonly (readonly (Arc | {readonly to: number; readonly link: null})[])[];
  readonly #known = new Map<number, readonly Route[]>();

  /** @throws RangeError past 30 links */
  constructor({tierCount, links, direction}: Pick<TierProblem, 'tierCount' | 'links' | 'direction'>) {
    if (links.length > MOST_LINKS) throw new RangeError(`${links.length} links, at most ${MOST_LINKS}`);
    this.#tierCount = tierCount;
    this.#isOneWay = direction === 'one-way';
    const leaving: (Arc | {to: number; link: null})[][] = [];
    for (let node = 0; node < (this.#isOneWay ? 2 : 1) * tierCount; node++) leaving.push([]);
    const returning = this.#isOneWay ? tierCount : 0;
    links.forEach(({from, to}, link) => {
      leaving[from]?.push({from, to, link, direction: 'up'});
      leaving[returning + to]?.push({
        from: returning + to,
        to: returning + from,
        link,
        direction: 'down',
      });
    });
    if (this.#isOneWay)
      for (let tier = 0; tier < tierCount; tier++) leaving[tier]?.push({to: tierCount + tier, link: null});
    this.#leaving = leaving;
  }

  /**
   * From a tier to those in `readMask` (bit k: layers read it on tier k) and, for an output, back to tier 0.
   * `[]` when there is no way; one route of no steps when it is everywhere already.
   */
  between(from: number, readMask: number, isOutput: boolean): readonly Route[] {
    const key = (2 * from + Number(isOutput)) * 2 ** this.#tierCount + readMask;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const targets: number[] = [];
    for (let tier = 0; tier < this.#tierCount; tier++)
      if ((readMask >> tier) % 2 === 1 || (isOutput && !this.#isOneWay && tier === 0)) targets.push(tier);
    if (isOutput && this.#isOneWay) targets.push(this.#tierCount);
    const found: Route[] = [];
    this.#reach(targets, 0, new Set([from]), [], found);
    const routes = found.filter(route => !found.some(other => other !== route && isPartOf(other, route)));
    this.#known.set(key, routes);
    return routes;
  }

  /** Joins one target after the other to the tree by every path that meets the tree only where it starts. */
  #reach(
    targets: readonly number[],
    index: number,
    tree: Set<number>,
    steps: RouteStep[],
    found: Route[],
  ): void {
    const target = targets[index];
    if (target === undefined) {
      let linkMask = 0;
      for (const {link} of steps) linkMask |= 1 << link;
      found.push({steps: [...steps], linkMask});
      return;
    }
    if (tree.has(target)) {
      this.#reach(targets, index + 1, tree, steps, found);
      return;
    }
    const path: number[] = [];
    const walk = (node: number): void => {
      for (const arc of this.#leaving[node] ?? []) {
        if (tree.has(arc.to)) continue;
        if (arc.link !== null) steps.push({link: arc.link, direction: arc.direction});
        tree.add(arc.to);
        path.push(arc.to);
        if (arc.to === target) this.#reach(targets, index + 1, tree, steps, found);
        else walk(arc.to);
        path.pop();
        tree.delete(arc.to);
        if (arc.link !== null) steps.pop();
      }
    };
    for (const start of [...tree]) walk(start);
  }
}

/** Takes fewer steps, all of them the other's: what an output on tier 0 needs no detour for. */
function isPartOf(part: Route, whole: Route): boolean {
  return (
    part.steps.length < whole.steps.length &&
    part.steps.every(({link, direction}) =>
      whole.steps.some(step => step.link === link && step.direction === direction),
    )
  );
}
