import {amountOf, zeroMeasure} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

/** A tier or a link as what requests queue for when they follow each other. */
export interface Stage {
  readonly name: string;
  readonly measure: Measure;
  /** On top of it for every request, whatever the placement. */
  readonly baseNs: number;
}

/**
 * One stage per tier, with what using it takes once, and one per link, whose fixed parts are left out: it is free meanwhile.
 * The device's own part of a request is its tier's in any case.
 */
export function stagesOf(
  {tierCount, links}: Pick<Space, 'tierCount' | 'links'>,
  latency: Measure,
  requestOverheadNs: number,
): Stage[] {
  const zero = zeroMeasure(latency);
  const only = (row: readonly number[], wanted: number): number[] =>
    row.map((amount, at) => (at === wanted ? amount : 0));
  return [
    ...Array.from({length: tierCount}, (_, tier): Stage => ({
      name: `tier ${tier}`,
      measure: {
        ...zero,
        layers: latency.layers.map(row => only(row, tier)),
        tiers: only(latency.tiers, tier),
      },
      baseNs: tier === 0 ? requestOverheadNs : 0,
    })),
    ...links.map((_, link): Stage => ({
      name: `link ${link}`,
      measure: {
        ...zero,
        up: latency.up.map(row => only(row, link)),
        down: latency.down.map(row => only(row, link)),
      },
      baseNs: 0,
    })),
  ];
}

/** What the busiest stage takes for one request: how soon another can follow. */
export function busiestNs(space: Space, stages: readonly Stage[], placement: SpacePlacement): number {
  return Math.max(...stages.map(({measure, baseNs}) => baseNs + amountOf(space, measure, placement)));
}
