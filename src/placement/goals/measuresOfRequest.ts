import type {Tier} from '../../documents/plan.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {nsFromMs} from '../problemFromMeasurements.ts';
import type {Measure, Space} from './space.ts';

/** 10⁻¹² of a currency's unit: a millisecond of a server at 0.4 an hour is 111,111 of them. */
export const PICO = 1e12;
const NS_PER_HOUR = 3.6e12;

/** How long a request takes, in ns; `upBytes` is what each tensor takes on the way up. */
export function latencyOf(
  {tiers, links, tensors}: PlacementMeasurements,
  space: Space,
  layerNs: readonly (readonly number[])[],
  upBytes: readonly number[],
): Measure {
  const rows = new Map([...tensors].map(row => [row.name, row]));
  const perTensor = (direction: 'up' | 'down'): number[][] =>
    space.tensors.map(({name, bytes, producer}, index) =>
      links.map(({link, cutCosts, from}) => {
        const perTensorNs = nsFromMs(cutCosts?.perTensorMs ?? 0);
        const headerBytes = rows.get(name)?.headerBytes?.[direction] ?? 0;
        if (direction === 'down')
          return Math.round(((bytes + headerBytes) * 1e9) / link.downBytesPerSecond) + perTensorNs;
        // A gateway hands over whatever it passes on; on the device only what a layer made.
        const isHanded = from !== 'device' || producer !== null;
        const nsPerByte = 1e9 / link.upBytesPerSecond + (isHanded ? (link.handover?.nsPerByte ?? 0) : 0);
        const encodingNs = nsFromMs(rows.get(name)?.travel?.ms ?? 0);
        const headerNs = (headerBytes * 1e9) / link.upBytesPerSecond;
        return Math.round((upBytes[index] as number) * nsPerByte + headerNs) + perTensorNs + encodingNs;
      }),
    );
  return {
    layers: layerNs,
    up: perTensor('up'),
    down: perTensor('down'),
    links: links.map(
      ({link, cutCosts, from}) =>
        nsFromMs(link.fixedMs + (cutCosts?.fixedMs ?? 0)) +
        (from === 'device' ? 0 : nsFromMs(link.handover?.fixedMs ?? 0)),
    ),
    hosted: links.map(({link, from}) => (from === 'device' ? nsFromMs(link.handover?.fixedMs ?? 0) : 0)),
    // What serving costs a gateway or the cloud is in the links to it.
    tiers: tiers.map(({tier, times}) => (tier === 'device' ? nsFromMs(times.sessionOverhead.medianMs) : 0)),
  };
}

/** The device's energy in nJ; `null` where none was declared. Watts are nanojoules per nanosecond. What it does while it waits is not in it. */
export function energyOf(
  {power}: PlacementMeasurements,
  {links, tensors}: Space,
  latency: Measure,
  upBytes: readonly number[],
): Measure | null {
  if (power === undefined) return null;
  const {computeWatts, radioNanojoulesPerByte} = power;
  const none = links.map(() => 0);
  const radio = (bytesOf: (index: number) => number): number[][] =>
    tensors.map((_, index) =>
      links.map(({from}) => (from === 0 ? Math.round(bytesOf(index) * radioNanojoulesPerByte) : 0)),
    );
  return {
    layers: latency.layers.map(row =>
      row.map((ns, tier) => (tier === 0 ? Math.round(ns * computeWatts) : 0)),
    ),
    up: radio(index => upBytes[index] as number),
    down: radio(index => tensors[index]?.bytes ?? 0),
    links: none,
    hosted: latency.hosted.map(ns => Math.round(ns * computeWatts)),
    tiers: latency.tiers.map((ns, tier) => (tier === 0 ? Math.round(ns * computeWatts) : 0)),
  };
}

/** The cloud's price in 10⁻¹² of a currency; `null` where none was declared. The time that it computes and serves, and the bytes that leave it. */
export function moneyOf(
  {price, links: measuredLinks}: PlacementMeasurements,
  {links, tensors}: Space,
  tiers: readonly Tier[],
  latency: Measure,
): Measure | null {
  if (price === undefined) return null;
  const picoPerNs = (price.perHour * PICO) / NS_PER_HOUR;
  const picoPerByte = (price.egressPerGigabyte * PICO) / 1e9;
  const cloud = tiers.indexOf('cloud');
  return {
    layers: latency.layers.map(row =>
      row.map((ns, tier) => (tier === cloud ? Math.round(ns * picoPerNs) : 0)),
    ),
    up: latency.up.map(row => row.map(() => 0)),
    down: tensors.map(({bytes}) => links.map(({to}) => (to === cloud ? Math.round(bytes * picoPerByte) : 0))),
    links: measuredLinks.map(({to, cutCosts}) =>
      to === 'cloud' ? Math.round(nsFromMs(cutCosts?.fixedMs ?? 0) * picoPerNs) : 0,
    ),
    hosted: links.map(() => 0),
    tiers: latency.tiers.map(() => 0),
  };
}
