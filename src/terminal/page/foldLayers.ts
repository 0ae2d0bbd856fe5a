import type {ExchangedTensor} from '../../documents/plan.ts';

/** How much of a graph is drawn as one box. */
export type Folding = 'none' | 'chains' | 'zones';

/**
 * Layers by the box that shows them, in topological order: each its own, runs of a chain within a zone together, or
 * all of a zone together. Layers in topological order.
 */
export function foldLayers(
  zones: readonly number[],
  tensors: readonly ExchangedTensor[],
  folding: Folding,
): number[][] {
  if (folding === 'none') return zones.map((_, index) => [index]);
  if (folding === 'zones')
    return [...new Set(zones)]
      .sort((left, right) => left - right)
      .map(zone => zones.flatMap((other, index) => (other === zone ? [index] : [])));

  const feeders = zones.map(() => new Set<number>());
  const readers = zones.map(() => new Set<number>());
  const isEnd = zones.map(() => false);
  for (const {producer, consumers, isOutput} of tensors)
    for (const consumer of consumers) {
      // What reads an input of the model begins a run, or the input would seem to be read by another layer.
      feeders[consumer]?.add(producer ?? -1);
      if (producer === null) continue;
      readers[producer]?.add(consumer);
      if (isOutput) isEnd[producer] = true;
    }
  const groups: number[][] = [];
  const groupOf = new Map<number, number[]>();
  zones.forEach((zone, index) => {
    const [feeder] = feeders[index] ?? [];
    const continues =
      feeder !== undefined &&
      feeders[index]?.size === 1 &&
      readers[feeder]?.size === 1 &&
      isEnd[feeder] === false &&
      zones[feeder] === zone;
    const group = continues ? groupOf.get(feeder) : undefined;
    if (group === undefined) {
      const started = [index];
      groups.push(started);
      groupOf.set(index, started);
    } else {
      group.push(index);
      groupOf.set(index, group);
    }
  });
  return groups.sort((left, right) => (left[0] ?? 0) - (right[0] ?? 0));
}
