import {TierSearch} from '../tiers/tierSearch.ts';
import {tablesOf} from '../tiers/tierTables.ts';
import {narrowTiers, reachOf} from '../tiers/narrowTiers.ts';
import {nsFromMs} from '../problemFromMeasurements.ts';
import {contractionOf, masksOfGroups, tierProblemOf, usableTiers} from './cheapestPlacement.ts';
import type {Limit} from './goalSearch.ts';
import {amountOf} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

const MOST_CUTS = 2000;

/** What each tier and link takes for one request; a link's fixed parts are in `linkNs`, though it is free meanwhile. */
export function stagesOf(
  space: Space,
  {layers, up, down, links, hosted, tiers: fixed}: Measure,
  {tiers, crossings}: SpacePlacement,
): {
  readonly tierNs: number[];
  readonly linkNs: number[];
  readonly sessionNs: number;
  readonly busiestNs: number;
} {
  const tierNs = new Array<number>(space.tierCount).fill(0);
  tiers.forEach((tier, layer) => (tierNs[tier] = (tierNs[tier] as number) + (layers[layer]?.[tier] ?? 0)));
  const busyNs = space.links.map(() => 0);
  for (const {tensor, link, direction} of crossings)
    busyNs[link] = (busyNs[link] as number) + ((direction === 'up' ? up : down)[tensor]?.[link] ?? 0);
  const used = new Set(tiers);
  const opened = new Set(crossings.map(({link}) => link));
  const linkNs = busyNs.map((ns, link) =>
    opened.has(link)
      ? ns + (links[link] ?? 0) + (used.has(space.links[link]?.from ?? -1) ? (hosted[link] ?? 0) : 0)
      : ns,
  );
  let sessionNs = 0;
  for (const tier of used) sessionNs += fixed[tier] ?? 0;
  const busiestNs = Math.max(
    ...tierNs.map((ns, tier) => ns + (used.has(tier) ? (fixed[tier] ?? 0) : 0)),
    ...busyNs,
  );
  return {tierNs, linkNs, sessionNs, busiestNs};
}

/**
 * The placement whose busiest tier or link takes least, so that requests can follow each other soonest. The device's own part
 * of a request is its tier's in any case. Limits are kept only where what is found keeps to them.
 */
export function leastBusyPlacement(
  space: Space,
  measure: Measure,
  requestOverheadMs: number,
  limits: readonly Limit[],
): (SpacePlacement & {readonly amount: number; readonly bound: number}) | null {
  const contraction = contractionOf(space);
  const masks = masksOfGroups(
    space,
    contraction,
    Int32Array.from(space.layers, ({tierMask}) => tierMask),
  );
  if (masks === null) return null;
  const overheadNs = nsFromMs(requestOverheadMs);
  let best: (SpacePlacement & {amount: number}) | null = null;
  let bound = Infinity;
  for (const usable of usableTiers(space, measure, masks)) {
    const {problem, exchanged} = tierProblemOf(space, contraction, measure, masks, usable);
    // What a tier takes once is a layer that is held there.
    const held = measure.tiers.flatMap((ns, tier) => {
      const once = ns + (tier === 0 ? overheadNs : 0);
      const isUsed = (usable & (1 << tier)) !== 0;
      if (!isUsed && tier !== 0) return [];
      const timesNs = measure.tiers.map((_, at) => (at === tier ? (isUsed ? once : overheadNs) : null));
      return [{name: `once ${tier}`, timesNs, weightBytes: 0}];
    });
    const tables = tablesOf({...problem, layers: [...problem.layers, ...held]});
    if (tables.tierMasks.includes(0)) continue;
    if (!narrowTiers(tables, reachOf(tables, {closedMask: 0}), tables.tierMasks.slice())) continue;
    const search = new TierSearch(tables, 'throughput', Math.max(16, MOST_CUTS / space.layers.length));
    const {best: found, boundNs} = search.run(() =>
      problem.memoryBytes.map((_, tier) => [
        ...problem.layers.map(() => tier),
        ...held.map(({timesNs}) => timesNs.findIndex(ns => ns !== null)),
      ]),
    );
    bound = Math.min(bound, boundNs);
    if (found === null) continue;
    const placement = {
      tiers: contraction.groupOf.map(group => found.tiers[group] as number),
      crossings: found.cost.crossings.map(crossing => ({
        ...crossing,
        tensor: exchanged[crossing.tensor] as number,
      })),
    };
    const isWithin = limits.every(
      ({measure: limited, most, extraOf}) =>
        amountOf(space, limited, placement) + (extraOf?.(placement) ?? 0) <= most,
    );
    if (isWithin && (best === null || found.ns < best.amount)) best = {...placement, amount: found.ns};
  }
  return best === null ? null : {...best, bound: Math.min(bound, best.amount)};
}
