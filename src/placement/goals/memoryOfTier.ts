import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import type {Space, SpacePlacement} from './space.ts';

/** A weight with the layers that read it. */
export interface WeightRow {
  readonly bytes: number;
  readonly readers: readonly number[];
}

/**
 * What a tier holds at its fullest moment: the weights that its layers read, each once; what lives between its layers in the
 * worst step; and the buffers of what comes in and goes out over its links. The runtime's own temporaries are not in it.
 */
function memoryBytesOfTier(
  {tensors}: Space,
  weights: readonly WeightRow[],
  {tiers, crossings}: SpacePlacement,
  tier: number,
  crossesTier: (link: number) => boolean,
): number {
  let bytes = 0;
  for (const weight of weights)
    if (weight.readers.some(layer => tiers[layer] === tier)) bytes += weight.bytes;
  const buffered = new Set(crossings.filter(({link}) => crossesTier(link)).map(({tensor}) => tensor));
  for (const tensor of buffered) bytes += tensors[tensor]?.bytes ?? 0;
  // Layers run in their order: what lives grows where a tensor is made and shrinks behind its last reader.
  const change = new Array<number>(tiers.length + 2).fill(0);
  for (const {producer, consumers, isOutput, bytes: size} of tensors) {
    const readers = consumers.filter(layer => tiers[layer] === tier);
    const isMadeHere = producer !== null && tiers[producer] === tier;
    if (!isMadeHere && readers.length === 0) continue;
    const first = isMadeHere ? producer + 1 : 0;
    const last = isOutput && isMadeHere ? tiers.length : Math.max(first, ...readers.map(layer => layer + 1));
    change[first] = (change[first] as number) + size;
    change[last + 1] = (change[last + 1] as number) - size;
  }
  let live = 0;
  let peak = 0;
  for (const step of change) peak = Math.max(peak, (live += step));
  return bytes + peak;
}

/** With the buffers of every link that ends there. */
export function memoryOf(
  {space, weights}: {readonly space: Space; readonly weights: readonly WeightRow[]},
  placement: SpacePlacement,
  tier: number,
): number {
  return memoryBytesOfTier(space, weights, placement, tier, link => {
    const ends = space.links[link];
    return ends?.from === tier || ends?.to === tier;
  });
}

/** The weights that layers read. */
export function weightRows(
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
