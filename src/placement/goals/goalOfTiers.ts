import type {TierProblem} from '../tiers/tierProblem.ts';
import {crossingNs} from '../tiers/routes.ts';
import type {Limit} from './goalSearch.ts';
import {zeroMeasure} from './space.ts';
import type {Measure, Space} from './space.ts';

/** A question over tiers as a space, its latency, and one limit for each tier whose memory is limited. */
export function goalOfTiers({layers, tensors, links, tierCount, memoryBytes, direction}: TierProblem): {
  readonly space: Space;
  readonly latency: Measure;
  readonly limits: readonly Limit[];
} {
  const space: Space = {
    tierCount,
    layers: layers.map(({name, timesNs, allowedTiers}) => ({
      name,
      tierMask: timesNs.reduce<number>(
        (mask, ns, tier) =>
          ns === null || allowedTiers?.includes(tier) === false ? mask : mask | (1 << tier),
        0,
      ),
    })),
    tensors: tensors.map(({name, bytes, producer, consumers, isOutput}) => ({
      name,
      bytes,
      producer,
      consumers,
      isOutput,
      canCross: true,
    })),
    links: links.map(({from, to}) => ({from, to})),
    direction,
  };
  const perLink = (way: 'up' | 'down'): number[][] =>
    tensors.map(tensor => links.map((_, link) => crossingNs(links, tensor, {link, direction: way})));
  const latency: Measure = {
    layers: layers.map(({timesNs}) => timesNs.map(ns => ns ?? 0)),
    up: perLink('up'),
    down: perLink('down'),
    links: links.map(({roundTripNs}) => roundTripNs),
    hosted: links.map(() => 0),
    tiers: new Array<number>(tierCount).fill(0),
  };
  const zero = zeroMeasure(latency);
  const limits = memoryBytes.flatMap((most, at): Limit[] =>
    most === null
      ? []
      : [
          {
            name: `memory ${at}`,
            measure: {
              ...zero,
              layers: layers.map(({weightBytes}) =>
                Array.from({length: tierCount}, (_, tier) => (tier === at ? weightBytes : 0)),
              ),
            },
            most,
          },
        ],
  );
  return {space, latency, limits};
}
