import type {ExchangedTensor, Tier} from '../../documents/plan.ts';

/**
 * Zones of a placement: runs of work on one tier, even ones on the device, odd ones in the cloud. Data goes from a zone
 * to itself or to a later one, so that zones can be drawn one below the other with the link between them. Layers in
 * topological order; the model's inputs lie in zone 0.
 */
export function zonesOfLayers(tiers: readonly Tier[], tensors: readonly ExchangedTensor[]): number[] {
  const zones = tiers.map(tier => zoneAfter(0, tier));
  const read = tiers.map((): number[] => []);
  for (const {producer, consumers} of tensors)
    if (producer !== null) for (const consumer of consumers) read[consumer]?.push(producer);
  tiers.forEach((tier, index) => {
    const latest = Math.max(0, ...(read[index] ?? []).map(producer => zones[producer] ?? 0));
    zones[index] = zoneAfter(latest, tier);
  });
  return zones;
}

/** The first zone on this tier that is not before `zone`. */
export function zoneAfter(zone: number, tier: Tier): number {
  return tierOfZone(zone) === tier ? zone : zone + 1;
}

export function tierOfZone(zone: number): Tier {
  return zone % 2 === 0 ? 'device' : 'cloud';
}
