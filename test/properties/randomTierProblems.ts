import type {TierLayer, TierLink, TierProblem, TierTensor} from '../../src/placement/tiers/tierProblem.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

export interface RandomTierOptions {
  readonly seed: number;
  readonly layerCount: number;
  readonly tierCount: number;
  /** `relay`: neighbours only. `direct`: links past a tier as well, and now and then one is missing. */
  readonly links: 'relay' | 'direct';
  readonly direction: 'one-way' | 'two-way';
  readonly hasMemory: boolean;
}

/**
 * Any DAG: tensors that several layers read, several inputs and outputs, layers that some tiers cannot run, pins. Costs
 * come from a small range, so that ties are common, or from a large one.
 */
export function randomTierProblem(options: RandomTierOptions): TierProblem {
  const {seed, layerCount, tierCount, direction} = options;
  const next = seededNumbers(seed);
  const chance = (share: number): boolean => next() < share;
  const below = (end: number): number => Math.floor(next() * end);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;
  const largest = pick([3, 20, 1_000_000]);
  const cost = (): number => (chance(0.15) ? 0 : below(largest + 1));
  const layers = Array.from({length: layerCount}, (_, index): TierLayer => {
    const allowedTiers = chance(0.08) ? [below(tierCount)] : chance(0.05) ? [0, tierCount - 1] : undefined;
    return {
      name: `layer${index}`,
      // Higher tiers are mostly faster, or hardly anything would be worth sending.
      timesNs: Array.from({length: tierCount}, (_, tier) =>
        chance(0.03) ? null : Math.floor((cost() * pick([1, 2, 4])) / (tier + 1)),
      ),
      weightBytes: cost(),
      ...(allowedTiers === undefined ? {} : {allowedTiers}),
    };
  });
  const tensors: TierTensor[] = [];
  const addTensor = (producer: number | null): void => {
    const first = (producer ?? -1) + 1;
    const consumers = new Set<number>();
    for (let reader = below(4); reader > 0 && first < layerCount; reader--)
      consumers.add(chance(0.5) ? first : first + below(layerCount - first));
    const isOutput = chance(consumers.size === 0 ? 0.6 : 0.1);
    tensors.push({
      name: `tensor${tensors.length}`,
      bytes: cost(),
      producer,
      consumers: [...consumers],
      isOutput,
    });
  };
  for (let input = 1 + below(2); input > 0; input--) addTensor(null);
  layers.forEach((_, producer) => {
    for (let made = chance(0.2) ? 2 : 1; made > 0; made--) addTensor(producer);
  });
  const links: TierLink[] = [];
  const slowness = pick([0.1, 0.5, 1]);
  for (let from = 0; from < tierCount; from++)
    for (let to = from + 1; to < tierCount; to++) {
      const isNeighbour = to === from + 1;
      if (
        isNeighbour
          ? chance(options.links === 'relay' ? 0.03 : 0.1)
          : options.links === 'relay' || chance(0.15)
      )
        continue;
      links.push({
        from,
        to,
        upNsPerByte: pick([0, 0.3, 1, 2.5]) * slowness,
        downNsPerByte: pick([0, 0.3, 1, 2.5]) * slowness,
        roundTripNs: cost(),
      });
    }
  const weightBytes = layers.reduce((sum, layer) => sum + layer.weightBytes, 0);
  const memoryBytes = Array.from({length: tierCount}, () =>
    options.hasMemory && chance(0.7) ? Math.floor((weightBytes * (0.4 + 1.4 * next())) / tierCount) : null,
  );
  return {tierCount, layers, tensors, links, memoryBytes, direction};
}
