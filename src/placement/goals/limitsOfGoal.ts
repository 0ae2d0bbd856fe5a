import type {PlacementMeasurements} from '../measurements.ts';
import {nsFromMs} from '../problemFromMeasurements.ts';
import type {Limit} from './goalSearch.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {PICO} from './measuresOfRequest.ts';
import {memoryOf} from './memoryOfTier.ts';
import {amountOf, zeroMeasure} from './space.ts';

const MICRO = 1e6;

/** Ceilings, memory and the least number of layers on the device, each as what a quantity may come to at most. */
export function limitsOf(measurements: PlacementMeasurements, goal: Omit<MeasuredGoal, 'limits'>): Limit[] {
  const {constraints} = measurements;
  const {space, latency, energy, money, tiers, weights, requestOverheadNs} = goal;
  const limits: Limit[] = [];
  if (constraints.maxLatencyMs !== undefined)
    limits.push({
      name: 'maxLatency',
      measure: latency,
      most: nsFromMs(constraints.maxLatencyMs) - requestOverheadNs,
    });
  if (constraints.maxEnergyMillijoules !== undefined && energy !== null)
    limits.push({
      name: 'maxEnergy',
      measure: energy,
      most: Math.floor(constraints.maxEnergyMillijoules * MICRO),
    });
  if (constraints.maxMoney !== undefined && money !== null)
    limits.push({name: 'maxMoney', measure: money, most: Math.floor(constraints.maxMoney.amount * PICO)});
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
    for (const weight of weights[at] ?? []) {
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
