import type {PlanObjective, Tier} from '../../documents/plan.ts';
import {layerTimesFromProfile} from '../layerTimes.ts';
import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {exchangedTensors, nsFromMs, pinsByLayer, refusalOf} from '../problemFromMeasurements.ts';
import type {RefusalReason} from '../problemFromMeasurements.ts';
import type {Limit} from './goalSearch.ts';
import {memoryBytesOfTier} from './memoryOfTier.ts';
import type {WeightRow} from './memoryOfTier.ts';
import {amountOf} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

/** 10⁻¹² of a currency's unit: a millisecond of a server at 0.4 an hour is 111,111 of them. */
const PICO = 1e12;
const NS_PER_HOUR = 3.6e12;
const MICRO = 1e6;

/** A set of layers that something restricts to some tiers. */
export interface Restriction {
  readonly name: string;
  readonly reason: 'pinned-by-user' | 'keeps-raw-input-on-device';
  readonly layers: readonly number[];
  readonly tierMask: number;
}

/** The question of one device over its tiers, in whole units: ns, nJ and 10⁻¹² of a currency. */
export interface MeasuredGoal {
  /** Without the restrictions. */
  readonly space: Space;
  readonly tiers: readonly Tier[];
  readonly restrictions: readonly Restriction[];
  readonly latency: Measure;
  /** `null`: not declared. */
  readonly energy: Measure | null;
  readonly money: Measure | null;
  readonly limits: readonly Limit[];
  readonly weights: readonly WeightRow[];
  readonly refusals: readonly {readonly reason: RefusalReason; readonly count: number}[];
}

export function goalFromMeasurements(measurements: PlacementMeasurements): MeasuredGoal {
  const {layers, constraints, tiers: measuredTiers, links: measuredLinks} = measurements;
  const tiers = measuredTiers.map(({tier}) => tier);
  const counts = new Map<RefusalReason, number>();
  const count = (reason: RefusalReason): void => void counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const times = measuredTiers.map(({tier, times: each}) =>
    layerTimesFromProfile(layers, each, tier, measurements.build),
  );
  const layerNs = layers.map((_, layer) => {
    const known = times.map(each => each[layer] ?? null);
    if (known.includes(null)) count('layer-without-measured-time');
    const other = known.find(ms => ms !== null) ?? 0;
    return known.map(ms => nsFromMs(ms ?? other));
  });
  const rows = [...measurements.tensors];
  const exchanged = exchangedTensors(layers, rows);
  const rawReaders = new Set<number>();
  const tensors = exchanged.map(({row, producer, consumers}) => {
    const refusal = refusalOf(row);
    if (refusal !== null) count(refusal);
    const isRaw = row.isInput || measurements.tainted.has(row.name);
    if (constraints.keepRawInputOnDevice && isRaw) {
      count('raw-input-stays-on-device');
      for (const layer of consumers) rawReaders.add(layer);
      if (producer !== null) rawReaders.add(producer);
    }
    return {
      name: row.name,
      bytes: bytesOfTensor(row) ?? 0,
      producer,
      consumers,
      isOutput: row.isOutput,
      canCross: refusal === null,
    };
  });
  const links = measuredLinks.map(({from, to}) => ({from: tiers.indexOf(from), to: tiers.indexOf(to)}));
  const space: Space = {
    tierCount: tiers.length,
    layers: layers.map(({name}) => ({name, tierMask: 2 ** tiers.length - 1})),
    tensors,
    links,
    direction: constraints.direction ?? 'one-way',
  };
  const upBytes = exchanged.map(({row}, index) => row.travel?.bytes ?? tensors[index]?.bytes ?? 0);
  const latency = latencyOf(measurements, space, layerNs, upBytes);
  const weights = weightRows(layers, rows);
  const goal = {
    space,
    tiers,
    restrictions: [
      ...pinsByPattern(measurements, tiers),
      ...(rawReaders.size === 0
        ? []
        : [
            {
              name: 'keepRawInputOnDevice',
              reason: 'keeps-raw-input-on-device' as const,
              layers: [...rawReaders],
              tierMask: 1,
            },
          ]),
    ],
    latency,
    energy: energyOf(measurements, space, latency, upBytes),
    money: moneyOf(measurements, space, tiers, latency),
    weights,
    refusals: [...counts].map(([reason, times_]) => ({reason, count: times_})),
  };
  return {...goal, limits: limitsOf(measurements, goal)};
}

/** What is made as small as possible, in whole units, and what they are called. */
export function objectiveMeasure(
  goal: Pick<MeasuredGoal, 'latency' | 'energy' | 'money'>,
  objective: Exclude<PlanObjective, 'throughput'>,
): {readonly measure: Measure; readonly unit: 'ns' | 'nJ' | 'pico-money' | 'micro-weight'} {
  const need = (measure: Measure | null, what: string): Measure => {
    if (measure === null) throw new RangeError(`no ${what} was declared`);
    return measure;
  };
  if (objective === 'latency') return {measure: goal.latency, unit: 'ns'};
  if (objective === 'energy') return {measure: need(goal.energy, 'power'), unit: 'nJ'};
  if (objective === 'money') return {measure: need(goal.money, 'price'), unit: 'pico-money'};
  const {latencyPerMs = 0, energyPerMillijoule = 0, moneyPerUnit = 0} = objective;
  // A millionth of a weight: 1 per ms is 1 per ns then.
  const parts = [
    {measure: goal.latency, factor: latencyPerMs},
    ...(energyPerMillijoule === 0
      ? []
      : [{measure: need(goal.energy, 'power'), factor: energyPerMillijoule}]),
    ...(moneyPerUnit === 0
      ? []
      : [{measure: need(goal.money, 'price'), factor: (moneyPerUnit * MICRO) / PICO}]),
  ];
  const sum = (pick: (measure: Measure) => readonly number[]): number[] =>
    pick(goal.latency).map((_, index) =>
      Math.round(parts.reduce((total, {measure, factor}) => total + (pick(measure)[index] ?? 0) * factor, 0)),
    );
  const rows = (pick: (measure: Measure) => readonly (readonly number[])[]): number[][] =>
    pick(goal.latency).map((_, row) => sum(measure => pick(measure)[row] ?? []));
  return {
    measure: {
      layers: rows(({layers}) => layers),
      up: rows(({up}) => up),
      down: rows(({down}) => down),
      links: sum(({links}) => links),
      hosted: sum(({hosted}) => hosted),
      tiers: sum(({tiers}) => tiers),
    },
    unit: 'micro-weight',
  };
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

export function memoryOf(
  {space, weights}: Pick<MeasuredGoal, 'space' | 'weights'>,
  placement: SpacePlacement,
  tier: number,
): number {
  return memoryBytesOfTier(space, weights, placement, tier, link => {
    const ends = space.links[link];
    return ends?.from === tier || ends?.to === tier;
  });
}

function latencyOf(
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
        if (direction === 'down') return Math.round((bytes * 1e9) / link.downBytesPerSecond) + perTensorNs;
        // A gateway hands over whatever it passes on; on the device only what a layer made.
        const isHanded = from !== 'device' || producer !== null;
        const nsPerByte = 1e9 / link.upBytesPerSecond + (isHanded ? (link.handover?.nsPerByte ?? 0) : 0);
        const encodingNs = nsFromMs(rows.get(name)?.travel?.ms ?? 0);
        return Math.round((upBytes[index] as number) * nsPerByte) + perTensorNs + encodingNs;
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

/** The device's: watts are nanojoules per nanosecond. What it does while it waits is not in it. */
function energyOf(
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

/** The cloud's: the time that it computes and serves, and the bytes that leave it. */
function moneyOf(
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

function weightRows(
  layers: PlacementMeasurements['layers'],
  rows: readonly Parameters<typeof bytesOfTensor>[0][],
): WeightRow[] {
  const readers = new Map<string, number[]>();
  layers.forEach(({inputs, outerInputs = []}, layer) => {
    for (const name of new Set([...inputs, ...outerInputs]))
      readers.set(name, [...(readers.get(name) ?? []), layer]);
  });
  return rows.flatMap(row => {
    const read = readers.get(row.name);
    return row.isWeight && read !== undefined ? [{bytes: bytesOfTensor(row) ?? 0, readers: read}] : [];
  });
}

function pinsByPattern(measurements: PlacementMeasurements, tiers: readonly Tier[]): Restriction[] {
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

function limitsOf(measurements: PlacementMeasurements, goal: Omit<MeasuredGoal, 'limits'>): Limit[] {
  const {constraints} = measurements;
  const {space, latency, energy, money, tiers, weights} = goal;
  const overheadNs = nsFromMs(measurements.tiers[0]?.times.requestOverhead.medianMs ?? 0);
  const limits: Limit[] = [];
  if (constraints.maxLatencyMs !== undefined)
    limits.push({
      name: 'maxLatency',
      measure: latency,
      most: nsFromMs(constraints.maxLatencyMs) - overheadNs,
    });
  if (constraints.maxEnergyMillijoules !== undefined && energy !== null)
    limits.push({
      name: 'maxEnergy',
      measure: energy,
      most: Math.floor(constraints.maxEnergyMillijoules * MICRO),
    });
  if (constraints.maxMoney !== undefined && money !== null)
    limits.push({name: 'maxMoney', measure: money, most: Math.floor(constraints.maxMoney * PICO)});
  const zero = zeroMeasure(latency);
  if (constraints.minDeviceLayers !== undefined)
    limits.push({
      name: 'minDeviceLayers',
      measure: {...zero, layers: zero.layers.map(row => row.map((_, tier) => (tier === 0 ? 0 : 1)))},
      most: space.layers.length - constraints.minDeviceLayers,
    });
  for (const {tier, bytes} of constraints.memory ?? []) {
    const at = tiers.indexOf(tier);
    if (at === -1) continue;
    // A weight that several layers read counts with the first; the rest comes on top, whole placement by whole placement.
    const layers = zero.layers.map(row => [...row]);
    for (const weight of weights) {
      const row = layers[weight.readers[0] ?? -1];
      if (row !== undefined) row[at] = (row[at] as number) + weight.bytes;
    }
    const measure = {...zero, layers};
    limits.push({
      name: `memory ${tier}`,
      measure,
      most: bytes,
      extraOf: placement => memoryOf({space, weights}, placement, at) - amountOf(space, measure, placement),
    });
  }
  return limits;
}

function zeroMeasure({layers, up, down, links, hosted, tiers}: Measure): Measure {
  const nothing = (rows: readonly (readonly number[])[]): number[][] => rows.map(row => row.map(() => 0));
  return {
    layers: nothing(layers),
    up: nothing(up),
    down: nothing(down),
    links: links.map(() => 0),
    hosted: hosted.map(() => 0),
    tiers: tiers.map(() => 0),
  };
}
