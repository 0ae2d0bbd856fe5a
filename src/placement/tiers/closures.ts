import {layersByRank} from './tierTables.ts';
import type {TierTables} from './tierTables.ts';

/**
 * What one-way forces on the lowest tiers together with a layer, and on the highest: a layer on tier k or below has
 * everything that it is made from there too, and one on tier k or above everything that is made from it.
 */
export interface Closures {
  /** belowNs[layer * tierCount + k]: the layer and what feeds it take at least this on tiers 0 … k together. */
  readonly belowNs: Float64Array;
  /** The same for what it feeds, on tiers k … tierCount - 1. */
  readonly aboveNs: Float64Array;
  /** Weights of the layer and of what feeds it, or of what it feeds. */
  readonly belowBytes: Float64Array;
  readonly aboveBytes: Float64Array;
}

export function closuresOf(tables: TierTables): Closures {
  const {layers, tensors, tierCount} = tables.problem;
  const feeding: number[][] = layers.map(() => []);
  const fed: number[][] = layers.map(() => []);
  for (const {producer, consumers} of tensors)
    if (producer !== null)
      for (const consumer of consumers) {
        feeding[consumer]?.push(producer);
        fed[producer]?.push(consumer);
      }
  const inOrder = layersByRank(tables);
  const leastNs = (isBelow: boolean): Float64Array => {
    const least = tables.timesNs.slice();
    layers.forEach((_, layer) => {
      for (let step = 1; step < tierCount; step++) {
        const at = layer * tierCount + (isBelow ? step : tierCount - 1 - step);
        least[at] = Math.min(least[at] as number, least[isBelow ? at - 1 : at + 1] as number);
      }
    });
    return least;
  };
  const below = sumsOver(tables, inOrder, feeding, leastNs(true));
  const above = sumsOver(tables, inOrder.reverse(), fed, leastNs(false));
  return {belowNs: below.ns, belowBytes: below.bytes, aboveNs: above.ns, aboveBytes: above.bytes};
}

/** Sums over each layer and all that lie before it in the order and lead to it: sets as rows of bits. */
function sumsOver(
  {problem: {layers, tierCount}}: TierTables,
  order: readonly number[],
  before: readonly (readonly number[])[],
  leastNs: Float64Array,
): {readonly ns: Float64Array; readonly bytes: Float64Array} {
  const words = Math.ceil(layers.length / 32);
  const sets = new Int32Array(layers.length * words);
  const ns = new Float64Array(layers.length * tierCount);
  const bytes = new Float64Array(layers.length);
  for (const layer of order) {
    const row = layer * words;
    for (const other of before[layer] ?? [])
      for (let word = 0; word < words; word++)
        sets[row + word] = (sets[row + word] as number) | (sets[other * words + word] as number);
    sets[row + (layer >> 5)] = (sets[row + (layer >> 5)] as number) | (1 << (layer & 31));
    for (let word = 0; word < words; word++)
      for (let rest = sets[row + word] as number; rest !== 0; rest &= rest - 1) {
        const member = word * 32 + 31 - Math.clz32(rest & -rest);
        bytes[layer] = (bytes[layer] as number) + (layers[member]?.weightBytes ?? 0);
        for (let tier = 0; tier < tierCount; tier++)
          ns[layer * tierCount + tier] =
            (ns[layer * tierCount + tier] as number) + (leastNs[member * tierCount + tier] as number);
      }
  }
  return {ns, bytes};
}

/**
 * Takes away the tiers on which a layer would bring more with it than they can take together. False when that leaves
 * a layer none.
 * @param tierMasks per layer; changed
 * @param stageLimitNs what one tier may take at most; Infinity: no limit
 */
export function narrowClosures(
  {problem: {memoryBytes, tierCount}}: TierTables,
  closures: Closures,
  tierMasks: Int32Array,
  stageLimitNs: number,
): boolean {
  const roomBelow: number[] = [];
  let room = 0;
  for (const limit of memoryBytes) roomBelow.push((room += limit ?? Infinity));
  const roomAbove: number[] = [];
  room = 0;
  for (const limit of [...memoryBytes].reverse()) roomAbove.unshift((room += limit ?? Infinity));
  for (let layer = 0; layer < tierMasks.length; layer++) {
    let mask = tierMasks[layer] as number;
    for (let tier = 0; tier < tierCount; tier++) {
      const at = layer * tierCount + tier;
      const upTo = 2 ** (tier + 1) - 1;
      if (
        (closures.belowNs[at] as number) > (tier + 1) * stageLimitNs ||
        (closures.belowBytes[layer] as number) > (roomBelow[tier] as number)
      )
        mask &= ~upTo;
      if (
        (closures.aboveNs[at] as number) > (tierCount - tier) * stageLimitNs ||
        (closures.aboveBytes[layer] as number) > (roomAbove[tier] as number)
      )
        mask &= upTo >> 1;
    }
    tierMasks[layer] = mask;
    if (mask === 0) return false;
  }
  return true;
}
