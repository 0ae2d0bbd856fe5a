import type {Costs} from '../../documents/costs.ts';
import {matchesPattern} from '../../documents/namePattern.ts';
import type {TierLink, TierProblem} from './tierProblem.ts';

const NS_PER_MS = 1e6;
/** At 1 Mbit/s, of 10⁶ bits, a byte takes 8 µs. */
const NS_PER_BYTE_AT_1_MBIT = 8e3;

/** The placement question of a table of costs that was checked: indices for names, whole ns for ms, rounded layer by layer. */
export function problemFromCosts(costs: Costs): TierProblem {
  const {tiers, layers, tensors, links, pins, memoryBytes, direction} = costs;
  const indices = new Map(layers.map(({name}, index) => [name, index]));
  const indexOfLayer = (name: string): number => {
    const index = indices.get(name);
    if (index === undefined) throw new RangeError(`no layer is called ${name}`);
    return index;
  };
  return {
    tierCount: tiers.length,
    layers: layers.map(({name, timeMs, weightBytes}) => {
      const pin = pins.find(({layer}) => matchesPattern(name, layer));
      return {
        name,
        timesNs: tiers.map(tier => (Object.hasOwn(timeMs, tier) ? nsFromMs(timeMs[tier] ?? 0) : null)),
        weightBytes,
        ...(pin === undefined ? {} : {allowedTiers: [tiers.indexOf(pin.tier)]}),
      };
    }),
    tensors: tensors.map(({name, bytes, producer, consumers, isOutput}) => ({
      name,
      bytes,
      producer: producer === null ? null : indexOfLayer(producer),
      // A layer may read a tensor twice, as in x·x; it is sent there once.
      consumers: [...new Set(consumers)].map(indexOfLayer),
      isOutput,
    })),
    links: links.map((link): TierLink => ({
      from: tiers.indexOf(link.from),
      to: tiers.indexOf(link.to),
      upNsPerByte: NS_PER_BYTE_AT_1_MBIT / link.upMbitPerSecond,
      downNsPerByte: NS_PER_BYTE_AT_1_MBIT / link.downMbitPerSecond,
      roundTripNs: nsFromMs(link.roundTripMs),
    })),
    memoryBytes: tiers.map(tier => (Object.hasOwn(memoryBytes, tier) ? (memoryBytes[tier] ?? null) : null)),
    direction,
  };
}

function nsFromMs(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}
