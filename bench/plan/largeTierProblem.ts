import type {TierLink, TierProblem} from '../../src/placement/tiers/tierProblem.ts';
import {largeProblem} from '../../test/properties/largeProblem.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

export interface LargeTierOptions {
  readonly layerCount: number;
  readonly tierCount: 2 | 3;
  readonly direction: 'one-way' | 'two-way';
  readonly hasDirectLink: boolean;
  /** Share of all weights that each tier may hold; `null`: no limit. */
  readonly memoryShare: number | null;
}

/**
 * A network of the size and shape of `largeProblem`, on two tiers or with a gateway between them, which is about half as
 * fast as the cloud, over a link of its own to each side.
 */
export function largeTierProblem(seed: number, options: LargeTierOptions): TierProblem {
  const {layers, tensors, link} = largeProblem(seed, options.layerCount);
  if (link === null) throw new Error('a large problem always has a link');
  const next = seededNumbers(seed + 1);
  const weights = layers.map(() => Math.floor(1_000_000 * next()));
  const memory =
    options.memoryShare === null
      ? null
      : Math.floor(weights.reduce((sum, bytes) => sum + bytes, 0) * options.memoryShare);
  const last = options.tierCount - 1;
  const linkOf = (from: number, to: number, slowness: number): TierLink => ({
    from,
    to,
    upNsPerByte: link.upNsPerByte * slowness,
    downNsPerByte: link.downNsPerByte * slowness,
    roundTripNs: link.fixedNs,
  });
  const neighbours = Array.from({length: last}, (_, tier) => linkOf(tier, tier + 1, 0.5 + 0.5 * next()));
  return {
    tierCount: options.tierCount,
    layers: layers.map(({name, deviceNs, cloudNs, pin}, index) => {
      const gatewayNs = cloudNs === null ? null : Math.round(cloudNs * (1.5 + next()));
      return {
        name,
        timesNs: options.tierCount === 2 ? [deviceNs, cloudNs] : [deviceNs, gatewayNs, cloudNs],
        weightBytes: weights[index] ?? 0,
        ...(pin === undefined ? {} : {allowedTiers: [0]}),
      };
    }),
    tensors: tensors.map(({name, bytes, producer, consumers, isOutput}) => ({
      name,
      bytes,
      producer,
      consumers,
      isOutput,
    })),
    // Direct is cheaper than by way of the gateway, as it mostly is: the case that no ordered cut can tell.
    links: options.hasDirectLink && last === 2 ? [...neighbours, linkOf(0, 2, 0.9)] : neighbours,
    memoryBytes: new Array<number | null>(options.tierCount).fill(memory),
    direction: options.direction,
  };
}
