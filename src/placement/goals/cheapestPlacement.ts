import {TierSearch} from '../tiers/tierSearch.ts';
import {tablesOf} from '../tiers/tierTables.ts';
import {narrowTiers, reachOf} from '../tiers/narrowTiers.ts';
import type {TierProblem} from '../tiers/tierProblem.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

export interface CheapestPlacement extends SpacePlacement {
  readonly amount: number;
  /** No placement takes less. */
  readonly bound: number;
}

/** Layers that tensors which cannot cross hold together are one. */
export interface Contraction {
  readonly groupOf: readonly number[];
  readonly groupCount: number;
}

export function contractionOf({layers, tensors}: Space): Contraction {
  const parents = layers.map((_, index) => index);
  const rootOf = (layer: number): number => {
    let root = layer;
    while (parents[root] !== root) root = parents[root] as number;
    parents[layer] = root;
    return root;
  };
  for (const {canCross, producer, consumers} of tensors) {
    if (canCross) continue;
    const [first = -1, ...others] = producer === null ? consumers : [producer, ...consumers];
    for (const other of others) parents[rootOf(other)] = rootOf(first);
  }
  const numbers = new Map<number, number>();
  const groupOf = layers.map((_, layer) => {
    const root = rootOf(layer);
    const group = numbers.get(root) ?? numbers.size;
    numbers.set(root, group);
    return group;
  });
  return {groupOf, groupCount: numbers.size};
}

/**
 * The placement that takes least of one quantity: for each choice of the tiers that cost something to be used, one search,
 * which is a single cut where links form a row. `null` when nothing is allowed.
 * @param tierMasks per layer, bit k: may be on tier k
 * @param mostCuts of each search
 */
export function cheapestPlacement(
  space: Space,
  contraction: Contraction,
  measure: Measure,
  tierMasks: Int32Array,
  mostCuts: number,
): CheapestPlacement | null {
  const masks = masksOfGroups(space, contraction, tierMasks);
  if (masks === null) return null;
  let best: CheapestPlacement | null = null;
  let bound = Infinity;
  for (const usable of usableTiers(space, measure, masks)) {
    const found = solveWith(space, contraction, measure, masks, usable, mostCuts);
    if (found === null) continue;
    bound = Math.min(bound, found.bound);
    if (best === null || found.amount < best.amount || (found.amount === best.amount && isLower(found, best)))
      best = found;
  }
  return best === null ? null : {...best, bound: Math.min(bound, best.amount)};
}

/** Per group, bit k: may be on tier k; `null` when one may be on none. */
export function masksOfGroups(
  {tierCount, tensors}: Space,
  {groupOf, groupCount}: Contraction,
  tierMasks: Int32Array,
): Int32Array | null {
  const masks = new Int32Array(groupCount).fill(2 ** tierCount - 1);
  groupOf.forEach((group, layer) => {
    masks[group] = (masks[group] as number) & (tierMasks[layer] as number);
  });
  for (const {canCross, producer, consumers, isOutput} of tensors) {
    if (canCross || (producer !== null && !isOutput)) continue;
    for (const layer of producer === null ? consumers : [producer]) {
      const group = groupOf[layer] as number;
      masks[group] = (masks[group] as number) & 1;
    }
  }
  return masks.includes(0) ? null : masks;
}

/** Sets of tiers, those with a fixed part of their own once with and once without; what layers are held on is in each. */
export function usableTiers(
  {tierCount, links}: Space,
  {tiers, hosted}: Measure,
  masks: Int32Array,
): number[] {
  const held = masks.reduce((held, mask) => ((mask & (mask - 1)) === 0 ? held | mask : held), 0);
  const everyTier = 2 ** tierCount - 1;
  const costs = (tier: number): boolean =>
    (tiers[tier] ?? 0) > 0 || links.some(({from}, link) => from === tier && (hosted[link] ?? 0) > 0);
  // Only what costs something to be used is a choice: there may be as many tiers as a number has bits.
  let sets = [everyTier];
  for (let tier = 0; tier < tierCount; tier++)
    if ((held & (1 << tier)) === 0 && costs(tier)) sets = sets.flatMap(set => [set, set & ~(1 << tier)]);
  return sets.filter(set => set !== 0);
}

function isLower(one: SpacePlacement, other: SpacePlacement): boolean {
  const height = ({tiers}: SpacePlacement): number => tiers.reduce((sum, tier) => sum + tier, 0);
  return height(one) < height(other);
}

/** The question over groups, with one quantity for the time; `exchanged` are the indices of its tensors in the space. */
export function tierProblemOf(
  space: Space,
  {groupOf, groupCount}: Contraction,
  measure: Measure,
  masks: Int32Array,
  usable: number,
): {readonly problem: TierProblem; readonly exchanged: readonly number[]} {
  const {tierCount, links, direction} = space;
  const times = Array.from({length: groupCount}, () => new Array<number>(tierCount).fill(0));
  space.layers.forEach((_, layer) => {
    const row = times[groupOf[layer] as number] as number[];
    measure.layers[layer]?.forEach((amount, tier) => (row[tier] = (row[tier] as number) + amount));
  });
  const exchanged: number[] = [];
  const tensors: TierProblem['tensors'][number][] = [];
  space.tensors.forEach(({name, bytes, producer, consumers, isOutput, canCross}, index) => {
    const from = producer === null ? null : (groupOf[producer] as number);
    const readers = [...new Set(consumers.map(layer => groupOf[layer] as number))].filter(
      group => group !== from,
    );
    if (!canCross || (readers.length === 0 && !(isOutput && producer !== null))) return;
    exchanged.push(index);
    const [upNs, downNs] = [measure.up[index] ?? [], measure.down[index] ?? []];
    tensors.push({name, bytes, producer: from, consumers: readers, isOutput, upNs, downNs});
  });
  const problem: TierProblem = {
    tierCount,
    layers: times.map((timesNs, group) => ({
      name: `${group}`,
      timesNs: timesNs.map((ns, tier) =>
        ((masks[group] as number) & usable & (1 << tier)) === 0 ? null : ns,
      ),
      weightBytes: 0,
    })),
    tensors,
    links: links.map(({from, to}, link) => ({
      from,
      to,
      upNsPerByte: 0,
      downNsPerByte: 0,
      roundTripNs:
        (measure.links[link] ?? 0) + ((usable & (1 << from)) === 0 ? 0 : (measure.hosted[link] ?? 0)),
    })),
    memoryBytes: new Array<null>(tierCount).fill(null),
    direction,
  };
  return {problem, exchanged};
}

function solveWith(
  space: Space,
  contraction: Contraction,
  measure: Measure,
  masks: Int32Array,
  usable: number,
  mostCuts: number,
): CheapestPlacement | null {
  const {groupOf} = contraction;
  const {tierCount} = space;
  const {problem, exchanged} = tierProblemOf(space, contraction, measure, masks, usable);
  const tables = tablesOf(problem);
  if (tables.tierMasks.includes(0)) return null;
  if (!narrowTiers(tables, reachOf(tables, {closedMask: 0}), tables.tierMasks.slice())) return null;
  const {best, boundNs} = new TierSearch(tables, 'latency', mostCuts).run(() =>
    Array.from({length: tierCount}, (_, tier) => problem.layers.map(() => tier)),
  );
  if (best === null) return null;
  let fixed = 0;
  for (let tier = 0; tier < tierCount; tier++)
    if ((usable & (1 << tier)) !== 0) fixed += measure.tiers[tier] ?? 0;
  return {
    tiers: groupOf.map(group => best.tiers[group] as number),
    crossings: best.cost.crossings.map(crossing => ({
      ...crossing,
      tensor: exchanged[crossing.tensor] as number,
    })),
    amount: best.ns + fixed,
    bound: boundNs + fixed,
  };
}
