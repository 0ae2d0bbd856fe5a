import type {LinkState} from './relaxation.ts';
import type {TierTables} from './tierTables.ts';

/** Which ways there are, however long: bit b of `reads[a]`, that what is on tier a can be read on tier b. */
export interface Reach {
  readonly reads: readonly number[];
  /** Bit a: what is on tier a can return to tier 0. */
  readonly returnMask: number;
}

export function reachOf({problem, routes}: TierTables, {closedMask}: Pick<LinkState, 'closedMask'>): Reach {
  const tiers = Array.from({length: problem.tierCount}, (_, tier) => tier);
  const exists = (from: number, readMask: number, isOutput: boolean): boolean =>
    routes.between(from, readMask, isOutput).some(({linkMask}) => (linkMask & closedMask) === 0);
  const maskOf = (holds: (tier: number) => boolean): number =>
    tiers.reduce((mask, tier) => (holds(tier) ? mask | (1 << tier) : mask), 0);
  return {
    reads: tiers.map(from => maskOf(to => exists(from, 1 << to, false))),
    returnMask: maskOf(from => exists(from, 0, true)),
  };
}

/**
 * Takes away the tiers from which a layer could not get what it reads, or hand on what it makes, until nothing changes
 * (arc consistency). False when a layer has none left.
 * @param tierMasks per layer; changed
 * @see Mackworth, "Consistency in networks of relations", Artificial Intelligence 8 (1977)
 */
export function narrowTiers(
  {problem: {tensors}}: TierTables,
  {reads, returnMask}: Reach,
  tierMasks: Int32Array,
): boolean {
  let isChanged = true;
  const keep = (layer: number, mask: number): boolean => {
    const before = tierMasks[layer] as number;
    const after = before & mask;
    if (after === before) return true;
    isChanged = true;
    tierMasks[layer] = after;
    return after !== 0;
  };
  const visit = (index: number): boolean => {
    const tensor = tensors[index];
    if (tensor === undefined) return true;
    const {producer, consumers, isOutput} = tensor;
    const before = producer === null ? 1 : (tierMasks[producer] as number);
    let fromMask = 0;
    let reachedMask = 0;
    for (let tier = 0; tier < reads.length; tier++) {
      if ((before & (1 << tier)) === 0 || (isOutput && (returnMask & (1 << tier)) === 0)) continue;
      const readable = reads[tier] as number;
      if (consumers.some(consumer => ((tierMasks[consumer] as number) & readable) === 0)) continue;
      fromMask |= 1 << tier;
      reachedMask |= readable;
    }
    if (producer !== null) {
      if (!keep(producer, fromMask)) return false;
    } else if (fromMask === 0) reachedMask = reads[0] as number;
    return consumers.every(consumer => keep(consumer, reachedMask));
  };
  // To and fro, because tensors mostly come in the order of the model.
  for (let isForward = true; isChanged; isForward = !isForward) {
    isChanged = false;
    for (let step = 0; step < tensors.length; step++)
      if (!visit(isForward ? step : tensors.length - 1 - step)) return false;
  }
  return tierMasks.every(mask => mask !== 0);
}
