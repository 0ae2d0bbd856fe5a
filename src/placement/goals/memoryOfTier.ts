import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements, WeightRow} from '../measurements.ts';
import type {Space, SpacePlacement} from './space.ts';

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
  let bytes = weightBytesOnTier(weights, layer => tiers[layer] === tier);
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
  {space, weights}: {readonly space: Space; readonly weights: readonly (readonly WeightRow[])[]},
  placement: SpacePlacement,
  tier: number,
): number {
  return memoryBytesOfTier(space, weights[tier] ?? [], placement, tier, link => {
    const ends = space.links[link];
    return ends?.from === tier || ends?.to === tier;
  });
}

/** What layers on one tier hold of their weights: each counts once, however many read it. */
export function weightBytesOnTier(
  weights: readonly WeightRow[],
  isOnTier: (layer: number) => boolean,
): number {
  return weights.reduce((sum, {bytes, readers}) => (readers.some(isOnTier) ? sum + bytes : sum), 0);
}

/** The weights that layers read on each tier. */
export function weightsOfTiers({
  layers,
  tensors,
  tiers,
}: Pick<PlacementMeasurements, 'layers' | 'tensors' | 'tiers'>): (readonly WeightRow[])[] {
  const own = weightRows(layers, [...tensors]);
  return tiers.map(({weights}) => weights ?? own);
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
