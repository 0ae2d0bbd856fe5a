import type {OrderedGraph} from '../../model/orderSegments.ts';
import {layerTimesFromProfile} from '../layerTimes.ts';
import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import {exchangedTensors, nsFromMs, refusalOf} from '../problemFromMeasurements.ts';
import type {ExchangedTensor, RefusalReason} from '../problemFromMeasurements.ts';
import {limitsOf} from './limitsOfGoal.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {energyOf, latencyOf, moneyOf} from './measuresOfRequest.ts';
import {weightsOfTiers} from './memoryOfTier.ts';
import {pinsByPattern} from './restrictions.ts';
import type {Space} from './space.ts';
import {createTripCounter} from './tripsOverLinks.ts';

/** @throws ExpectedError `profile-stale`, `pin-matches-nothing`, `nothing-feasible` */
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
    ...(constraints.direction === 'two-way'
      ? {tripsOf: createTripCounter(orderedGraphOf(layers, exchanged), links)}
      : {}),
  };
  const upBytes = exchanged.map(({row}, index) => row.travel?.bytes ?? tensors[index]?.bytes ?? 0);
  const latency = latencyOf(measurements, space, layerNs, upBytes);
  const weights = weightsOfTiers({...measurements, tensors: rows});
  const requestOverheadNs = nsFromMs(measuredTiers[0]?.times.requestOverhead.medianMs ?? 0);
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
    requestOverheadNs,
    energy: energyOf(measurements, space, latency, upBytes),
    money: moneyOf(measurements, space, tiers, latency),
    weights,
    refusals: [...counts].map(([reason, times_]) => ({reason, count: times_})),
  };
  return {...goal, limits: limitsOf(measurements, goal)};
}

function orderedGraphOf(
  layers: PlacementMeasurements['layers'],
  exchanged: readonly ExchangedTensor[],
): OrderedGraph {
  return {
    layers: layers.map(({inputs, outerInputs = []}) => ({inputs, outerInputs})),
    tensors: new Map(exchanged.map(({row, producer}) => [row.name, {producer}])),
  };
}
