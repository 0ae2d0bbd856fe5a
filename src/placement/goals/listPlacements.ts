import {contractionOf, masksOfGroups} from './cheapestPlacement.ts';
import type {Limit} from './goalSearch.ts';
import type {Crossing, Measure, Space, SpacePlacement} from './space.ts';

/** Every placement of a space, with what each takes of some measures. */
export interface PlacementList {
  readonly count: number;
  /** What a placement takes of one of the measures, each by its index. */
  amountAt(index: number, measure: number): number;
  placementAt(index: number): SpacePlacement;
}

/** As many as are tried in a fraction of the time that a search may take. */
export const MOST_PLACEMENTS = 25_000;

/** Layers placed on the way to so many placements, before it is given up. */
const STEPS_PER_PLACEMENT = 200;

/**
 * All placements that are allowed, where data flows one way over tiers in a row: a chain has about as many as it has layers, so
 * that trying all of them is faster than any search, and proves more. Of a space without limits on other quantities.
 * @param measures what is worked out for each placement, summed up on the way from layer to layer
 * @param most how many placements there may be
 * @returns `null` where there are more, data goes back and forth, links run beside the row or layers are not in their order
 */
export function listPlacements(
  space: Space,
  measures: readonly Measure[],
  most: number,
): PlacementList | null {
  const order = orderOf(space);
  if (order === null) return null;
  if (order === 'nothing allowed')
    return {count: 0, amountAt: () => 0, placementAt: () => ({tiers: [], crossings: []})};
  let count = 0;
  const isComplete = walk(order, most * STEPS_PER_PLACEMENT, {
    place: () => undefined,
    complete: () => ++count <= most,
  });
  if (!isComplete) return null;
  const layerCount = space.layers.length;
  const rows = new Uint8Array(count * layerCount);
  const amounts = new Float64Array(count * measures.length);
  const sums = new RunningSums(space, order, measures);
  let at = 0;
  walk(order, Infinity, {
    place: (layer, tiers) => {
      sums.place(layer, tiers);
    },
    complete: tiers => {
      rows.set(tiers, at * layerCount);
      sums.writeTotals(amounts, at * measures.length);
      at += 1;
      return true;
    },
  });
  return {
    count,
    amountAt: (index, measure) => amounts[index * measures.length + measure] as number,
    placementAt: index => {
      const tiers = [...rows.subarray(index * layerCount, (index + 1) * layerCount)];
      return {tiers, crossings: crossingsOf(space, tiers)};
    },
  };
}

/**
 * Whether a placement of the list keeps the limits, whose measures are those of the list from `first` on. What comes on top of
 * a measure, which is never less than nothing, is worked out only where it may matter.
 */
export function isListedWithin(
  list: PlacementList,
  index: number,
  limits: readonly Limit[],
  first: number,
): boolean {
  if (limits.some(({most}, at) => list.amountAt(index, first + at) > most)) return false;
  if (limits.every(({extraOf}) => extraOf === undefined)) return true;
  const placement = list.placementAt(index);
  return limits.every(
    ({most, extraOf}, at) => list.amountAt(index, first + at) + (extraOf?.(placement) ?? 0) <= most,
  );
}

/** Of equals the lowest is taken: what can stay near the input does. */
export function heightOf({tiers}: SpacePlacement): number {
  return tiers.reduce((sum, tier) => sum + tier, 0);
}

/** In a row and one-way each tensor has one way only. */
function crossingsOf({tensors}: Space, tiers: readonly number[]): Crossing[] {
  return tensors.flatMap(({producer, consumers, isOutput}, tensor): Crossing[] => {
    const from = producer === null ? 0 : (tiers[producer] as number);
    const highest = highestReader(consumers, tiers, from);
    const crossings: Crossing[] = [];
    for (let link = from; link < highest; link++) crossings.push({tensor, link, direction: 'up'});
    if (isOutput)
      for (let link = from - 1; link >= 0; link--) crossings.push({tensor, link, direction: 'down'});
    return crossings;
  });
}

function highestReader(consumers: readonly number[], tiers: ArrayLike<number>, from: number): number {
  let highest = from;
  for (const layer of consumers) highest = Math.max(highest, tiers[layer] as number);
  return highest;
}

/** What the tiers of earlier layers say of a layer's. */
interface LayerOrder {
  readonly tierCount: number;
  /** Per layer, bit k: may be on tier k. */
  readonly masks: Int32Array;
  /** Per layer, those that make what it reads. */
  readonly producers: readonly (readonly number[])[];
  /** Per layer, the first of those that have to be on the same tier; itself where it is the first. */
  readonly leaders: Int32Array;
  /** Per layer, the tensors that no later layer makes or reads. */
  readonly settled: readonly (readonly number[])[];
}

/** `null`: there is no such order. */
function orderOf(space: Space): LayerOrder | 'nothing allowed' | null {
  const {tierCount, layers, tensors, links, direction} = space;
  const isRow =
    links.length === tierCount - 1 && links.every(({from, to}, at) => from === at && to === at + 1);
  if (direction !== 'one-way' || !isRow) return null;
  const producers: number[][] = layers.map(() => []);
  const settled: number[][] = layers.map(() => []);
  const readers: number[][] = layers.map(() => []);
  for (const [tensor, {producer, consumers}] of tensors.entries()) {
    const last = Math.max(producer ?? -1, ...consumers);
    settled[last]?.push(tensor);
    if (producer === null) continue;
    if (consumers.some(layer => layer <= producer)) return null;
    for (const layer of consumers) producers[layer]?.push(producer);
    readers[producer]?.push(...consumers);
  }
  const contraction = contractionOf(space);
  const groupMasks = masksOfGroups(
    space,
    contraction,
    Int32Array.from(layers, ({tierMask}) => tierMask),
  );
  if (groupMasks === null) return 'nothing allowed';
  const {groupOf} = contraction;
  const leaders = Int32Array.from(groupOf, group => groupOf.indexOf(group));
  const masks = Int32Array.from(groupOf, group => groupMasks[group] as number);
  // No layer may lie higher than the lowest place that is left to what reads it.
  for (let layer = layers.length - 1; layer >= 0; layer--)
    for (const reader of readers[layer] ?? []) {
      const highest = 31 - Math.clz32(masks[reader] as number);
      masks[layer] = (masks[layer] as number) & (2 ** (highest + 1) - 1);
    }
  return masks.includes(0) ? 'nothing allowed' : {tierCount, masks, producers, leaders, settled};
}

/** Puts layer after layer on every tier that is left to it; false when it ended early. */
function walk(
  {tierCount, masks, producers, leaders}: LayerOrder,
  mostSteps: number,
  {
    place,
    complete,
  }: {
    readonly place: (layer: number, tiers: Uint8Array) => void;
    /** False: that is enough. */
    readonly complete: (tiers: Uint8Array) => boolean;
  },
): boolean {
  const tiers = new Uint8Array(masks.length);
  /** Per layer, the tier to try next. */
  const next = new Int32Array(masks.length + 1);
  const lowestOf = (layer: number): number => {
    let lowest = 0;
    for (const producer of producers[layer] as readonly number[])
      lowest = Math.max(lowest, tiers[producer] as number);
    return lowest;
  };
  let steps = 0;
  for (let layer = 0; layer >= 0;) {
    if (layer === masks.length) {
      if (!complete(tiers)) return false;
      layer -= 1;
      continue;
    }
    const leader = leaders[layer] as number;
    const mask = leader === layer ? (masks[layer] as number) : 1 << (tiers[leader] as number);
    let tier = next[layer] as number;
    while (tier < tierCount && (mask & (masks[layer] as number) & (1 << tier)) === 0) tier += 1;
    if (tier === tierCount) {
      layer -= 1;
      continue;
    }
    if (++steps > mostSteps) return false;
    tiers[layer] = tier;
    next[layer] = tier + 1;
    place(layer, tiers);
    layer += 1;
    if (layer < masks.length) next[layer] = lowestOf(layer);
  }
  return true;
}

/** What the layers placed so far take of each measure, kept per layer so that going back costs nothing. */
class RunningSums {
  readonly #space: Space;
  readonly #order: LayerOrder;
  readonly #measures: readonly Measure[];
  /** After each layer, per measure. */
  readonly #sums: Float64Array;
  /** After each layer: which tiers have layers, and which links something crosses. */
  readonly #used: Int32Array;
  readonly #opened: Int32Array;

  constructor(space: Space, order: LayerOrder, measures: readonly Measure[]) {
    this.#space = space;
    this.#order = order;
    this.#measures = measures;
    this.#sums = new Float64Array((space.layers.length + 1) * measures.length);
    this.#used = new Int32Array(space.layers.length + 1);
    this.#opened = new Int32Array(space.layers.length + 1);
  }

  place(layer: number, tiers: Uint8Array): void {
    const measures = this.#measures;
    const sums = this.#sums;
    const tier = tiers[layer] as number;
    const before = layer * measures.length;
    const after = before + measures.length;
    for (let at = 0; at < measures.length; at++)
      sums[after + at] = (sums[before + at] as number) + (measures[at]?.layers[layer]?.[tier] ?? 0);
    let opened = this.#opened[layer] as number;
    for (const index of this.#order.settled[layer] as readonly number[]) {
      const {producer, consumers, isOutput} = this.#space.tensors[index] as Space['tensors'][number];
      const from = producer === null ? 0 : (tiers[producer] as number);
      const highest = highestReader(consumers, tiers, from);
      for (let link = from; link < highest; link++) opened |= this.#cross(after, index, link, 'up');
      if (isOutput) for (let link = 0; link < from; link++) opened |= this.#cross(after, index, link, 'down');
    }
    this.#opened[layer + 1] = opened;
    this.#used[layer + 1] = (this.#used[layer] as number) | (1 << tier);
  }

  #cross(after: number, tensor: number, link: number, direction: 'up' | 'down'): number {
    const sums = this.#sums;
    this.#measures.forEach((measure, at) => {
      sums[after + at] = (sums[after + at] as number) + (measure[direction][tensor]?.[link] ?? 0);
    });
    return 1 << link;
  }

  /** With what is taken once. */
  writeTotals(amounts: Float64Array, offset: number): void {
    const {layers, links, tierCount} = this.#space;
    const used = this.#used[layers.length] as number;
    const opened = this.#opened[layers.length] as number;
    this.#measures.forEach((measure, at) => {
      let amount = this.#sums[layers.length * this.#measures.length + at] as number;
      for (let tier = 0; tier < tierCount; tier++)
        if ((used & (1 << tier)) !== 0) amount += measure.tiers[tier] ?? 0;
      for (let link = 0; link < links.length; link++)
        if ((opened & (1 << link)) !== 0)
          amount +=
            (measure.links[link] ?? 0) + ((used & (1 << link)) === 0 ? 0 : (measure.hosted[link] ?? 0));
      amounts[offset + at] = amount;
    });
  }
}
