import type {Tier} from '../../documents/plan.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {pinsByLayer} from '../problemFromMeasurements.ts';
import type {Space} from './space.ts';

/** A set of layers that something restricts to some tiers. */
export interface Restriction {
  readonly name: string;
  readonly reason: 'pinned-by-user' | 'keeps-raw-input-on-device';
  readonly layers: readonly number[];
  readonly tierMask: number;
}

/** The space with some of what restricts it. */
export function restrictSpace(space: Space, restrictions: readonly Restriction[]): Space {
  const masks = space.layers.map(({tierMask}) => tierMask);
  for (const {layers, tierMask} of restrictions)
    for (const layer of layers) masks[layer] = (masks[layer] as number) & tierMask;
  return {
    ...space,
    layers: space.layers.map((layer, index) => ({...layer, tierMask: masks[index] as number})),
  };
}

/** One restriction for each pin, with all layers that it matches. */
export function pinsByPattern(measurements: PlacementMeasurements, tiers: readonly Tier[]): Restriction[] {
  const byPin = new Map<string, {pattern: string; tier: Tier; layers: number[]}>();
  for (const [layer, {tier, pattern}] of pinsByLayer(measurements.layers, measurements.constraints, tiers)) {
    const key = `${pattern}=${tier}`;
    const pin = byPin.get(key) ?? {pattern, tier, layers: []};
    pin.layers.push(layer);
    byPin.set(key, pin);
  }
  return [...byPin.values()].map(({pattern, tier, layers}) => ({
    name: `pin ${pattern}=${tier}`,
    reason: 'pinned-by-user',
    layers,
    tierMask: tiers.includes(tier) ? 1 << tiers.indexOf(tier) : 0,
  }));
}
