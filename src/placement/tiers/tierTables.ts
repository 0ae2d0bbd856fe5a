import {Routes, crossingNs} from './routes.ts';
import type {TierProblem} from './tierProblem.ts';

/** A problem as flat arrays that a search reads again and again. */
export interface TierTables {
  readonly problem: TierProblem;
  readonly routes: Routes;
  /** timesNs[layer * tierCount + tier]; Infinity where the layer may not run. */
  readonly timesNs: Float64Array;
  /** upNs[tensor * links + link]: what the tensor takes over that link. */
  readonly upNs: Float64Array;
  readonly downNs: Float64Array;
  /** Per layer, bit k: may run on tier k. */
  readonly tierMasks: Int32Array;
  /**
   * Per layer, 1 when tensors join it to an input or an output, which lie on tier 0: where it is elsewhere, each
   * link in between is crossed.
   */
  readonly isAnchored: Uint8Array;
  /** Per layer, 1 when no layer reads what it makes. */
  readonly feedsNothing: Uint8Array;
  /** Per layer, the tensors that it makes and reads. */
  readonly tensorsOf: readonly (readonly number[])[];
  /**
   * Per layer, its place in an order in which layers come after those that feed them, and in which each branch is followed
   * to its end before the next begins: neighbours in it are mostly joined by a tensor.
   */
  readonly ranks: Int32Array;
}

export function tablesOf(problem: TierProblem): TierTables {
  const {layers, tensors, links, tierCount} = problem;
  const timesNs = new Float64Array(layers.length * tierCount).fill(Infinity);
  const tierMasks = new Int32Array(layers.length);
  layers.forEach(({timesNs: times, allowedTiers}, layer) => {
    for (let tier = 0; tier < tierCount; tier++) {
      const timeNs = times[tier] ?? null;
      if (timeNs === null || allowedTiers?.includes(tier) === false) continue;
      timesNs[layer * tierCount + tier] = timeNs;
      tierMasks[layer] = (tierMasks[layer] as number) | (1 << tier);
    }
  });
  const upNs = new Float64Array(tensors.length * links.length);
  const downNs = new Float64Array(tensors.length * links.length);
  tensors.forEach((row, tensor) => {
    links.forEach((_, link) => {
      upNs[tensor * links.length + link] = crossingNs(links, row, {link, direction: 'up'});
      downNs[tensor * links.length + link] = crossingNs(links, row, {link, direction: 'down'});
    });
  });
  const feedsNothing = new Uint8Array(layers.length).fill(1);
  for (const {producer, consumers} of tensors)
    if (producer !== null && consumers.length > 0) feedsNothing[producer] = 0;
  const tensorsOf: number[][] = layers.map(() => []);
  tensors.forEach(({producer, consumers}, tensor) => {
    if (producer !== null) tensorsOf[producer]?.push(tensor);
    for (const consumer of consumers) tensorsOf[consumer]?.push(tensor);
  });
  return {
    problem,
    routes: new Routes(problem),
    timesNs,
    upNs,
    downNs,
    tierMasks,
    isAnchored: anchoredLayers(problem),
    feedsNothing,
    tensorsOf,
    ranks: ranksOf(problem, tensorsOf),
  };
}

export function layersByRank({ranks}: Pick<TierTables, 'ranks'>): number[] {
  return [...ranks.keys()].sort((a, b) => (ranks[a] as number) - (ranks[b] as number));
}

function ranksOf({layers, tensors}: TierProblem, tensorsOf: readonly (readonly number[])[]): Int32Array {
  const missing = new Int32Array(layers.length);
  for (const {producer, consumers} of tensors)
    if (producer !== null) for (const layer of consumers) missing[layer] = (missing[layer] as number) + 1;
  const ready = [...layers.keys()].filter(layer => missing[layer] === 0).reverse();
  const ranks = new Int32Array(layers.length).fill(layers.length);
  let rank = 0;
  // Of those that are ready the latest is next.
  for (let layer = ready.pop(); layer !== undefined; layer = ready.pop()) {
    ranks[layer] = rank++;
    for (const index of tensorsOf[layer] ?? []) {
      const tensor = tensors[index];
      if (tensor?.producer !== layer) continue;
      for (const consumer of tensor.consumers) {
        missing[consumer] = (missing[consumer] as number) - 1;
        if (missing[consumer] === 0) ready.push(consumer);
      }
    }
  }
  return ranks;
}

/** Union-find over tensors as hyperedges, with one more element for what lies on tier 0. */
function anchoredLayers({layers, tensors}: TierProblem): Uint8Array {
  const anchor = layers.length;
  const parents = Int32Array.from({length: layers.length + 1}, (_, index) => index);
  const rootOf = (element: number): number => {
    let root = element;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root] as number] as number;
      root = parents[root] as number;
    }
    return root;
  };
  for (const {producer, consumers, isOutput} of tensors) {
    const from = producer ?? anchor;
    if (isOutput) parents[rootOf(from)] = rootOf(anchor);
    for (const consumer of consumers) parents[rootOf(consumer)] = rootOf(from);
  }
  return Uint8Array.from(layers, (_, layer) => (rootOf(layer) === rootOf(anchor) ? 1 : 0));
}
