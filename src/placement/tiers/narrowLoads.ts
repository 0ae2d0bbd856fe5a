import type {TierTables} from './tierTables.ts';

/**
 * Takes away the tiers on which a layer would be too much beside those that can be nowhere else: over a tier's memory,
 * or, for throughput, no better than what is known. False when that leaves a layer no tier or the fixed ones are too much.
 * @param tierMasks per layer; changed
 * @param stageLimitNs what a tier may take at most; Infinity: no limit
 */
export function narrowLoads(
  {problem: {layers, memoryBytes, tierCount}, timesNs}: TierTables,
  tierMasks: Int32Array,
  stageLimitNs: number,
): boolean {
  const limits = memoryBytes.map(limit => limit ?? Infinity);
  if (stageLimitNs === Infinity && limits.every(limit => limit === Infinity)) return true;
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    const fixedNs = new Array<number>(tierCount).fill(0);
    const fixedBytes = new Array<number>(tierCount).fill(0);
    tierMasks.forEach((mask, layer) => {
      if ((mask & (mask - 1)) !== 0) return;
      const tier = Math.log2(mask);
      fixedNs[tier] = (fixedNs[tier] as number) + (timesNs[layer * tierCount + tier] as number);
      fixedBytes[tier] = (fixedBytes[tier] as number) + (layers[layer]?.weightBytes ?? 0);
    });
    for (let tier = 0; tier < tierCount; tier++)
      if ((fixedNs[tier] as number) > stageLimitNs || (fixedBytes[tier] as number) > (limits[tier] as number))
        return false;
    for (const [layer, mask] of tierMasks.entries()) {
      if ((mask & (mask - 1)) === 0) continue;
      let fits = 0;
      for (let tier = 0; tier < tierCount; tier++) {
        if ((mask & (1 << tier)) === 0) continue;
        const ns = (fixedNs[tier] as number) + (timesNs[layer * tierCount + tier] as number);
        const bytes = (fixedBytes[tier] as number) + (layers[layer]?.weightBytes ?? 0);
        if (ns <= stageLimitNs && bytes <= (limits[tier] as number)) fits |= 1 << tier;
      }
      if (fits === 0) return false;
      if (fits === mask) continue;
      tierMasks[layer] = fits;
      isChanged = true;
    }
  }
  return true;
}
