import type {Measure, Space} from '../../src/placement/goals/space.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {randomTierProblem} from './randomTierProblems.ts';

/** A row of tiers with as many quantities as asked, from a seed; where crossing costs little, more placements are worth it. */
export function randomGoal(
  seed: number,
  measureCount: number,
  mostLayers: number,
  largestCrossing = 50,
): {readonly space: Space; readonly measures: Measure[]} {
  const next = seededNumbers(seed);
  const below = (end: number): number => Math.floor(next() * end);
  const {layers, tensors, tierCount, direction} = randomTierProblem({
    seed,
    layerCount: 1 + below(mostLayers),
    tierCount: 2 + below(2),
    links: 'relay',
    direction: next() < 0.5 ? 'one-way' : 'two-way',
    hasMemory: false,
  });
  const links = Array.from({length: tierCount - 1}, (_, from) => ({from, to: from + 1}));
  const space: Space = {
    tierCount,
    layers: layers.map(({name, timesNs, allowedTiers}) => ({
      name,
      tierMask: timesNs.reduce<number>(
        (mask, ns, tier) =>
          ns !== null && allowedTiers?.includes(tier) !== false ? mask | (1 << tier) : mask,
        0,
      ),
    })),
    tensors: tensors.map(tensor => ({...tensor, canCross: next() > 0.05})),
    links,
    direction,
  };
  const amounts = (length: number, largest = 50): number[] =>
    Array.from({length}, () => (next() < 0.2 ? 0 : below(largest)));
  const measure = (): Measure => ({
    layers: layers.map(() => amounts(tierCount)),
    up: tensors.map(() => amounts(links.length, largestCrossing)),
    down: tensors.map(() => amounts(links.length, largestCrossing)),
    links: amounts(links.length),
    hosted: amounts(links.length),
    tiers: amounts(tierCount),
  });
  return {space, measures: Array.from({length: measureCount}, measure)};
}

/**
 * Every allowed assignment with what it takes of each quantity, by trying them all: in a row each tensor has one way only.
 * Shares no code with the planner.
 */
export function everyPlacement(
  {tierCount, layers, tensors, direction}: Space,
  measures: readonly Measure[],
): {readonly tiers: readonly number[]; readonly amounts: readonly number[]}[] {
  const found: {tiers: readonly number[]; amounts: readonly number[]}[] = [];
  for (let code = 0; code < tierCount ** layers.length; code++) {
    const tiers = layers.map((_, layer) => Math.floor(code / tierCount ** layer) % tierCount);
    if (tiers.some((tier, layer) => (layers[layer]!.tierMask & (1 << tier)) === 0)) continue;
    let isAllowed = true;
    const used = new Set(tiers);
    const opened = new Set<number>();
    const amounts = measures.map(measure => {
      let amount = [...used].reduce((sum, tier) => sum + measure.tiers[tier]!, 0);
      tiers.forEach((tier, layer) => (amount += measure.layers[layer]![tier]!));
      tensors.forEach(({producer, consumers, isOutput, canCross}, index) => {
        const from = producer === null ? 0 : tiers[producer]!;
        const readers = consumers.map(layer => tiers[layer]!);
        const highest = Math.max(from, ...readers);
        const lowest = Math.min(from, ...readers);
        if (direction === 'one-way' && lowest < from) isAllowed = false;
        if (!canCross && (highest !== from || lowest !== from || (isOutput && from !== 0))) isAllowed = false;
        for (let link = from; link < highest; link++) {
          amount += measure.up[index]![link]!;
          opened.add(link);
        }
        const end = isOutput ? 0 : lowest;
        for (let link = from - 1; link >= end; link--) {
          amount += measure.down[index]![link]!;
          opened.add(link);
        }
      });
      for (const link of opened)
        amount += measure.links[link]! + (used.has(link) ? measure.hosted[link]! : 0);
      return amount;
    });
    if (isAllowed) found.push({tiers, amounts});
  }
  return found;
}

/** The least of the first quantity among those that keep to `most` of the second, with what comes on top of it. */
export function leastWithin(
  placements: ReturnType<typeof everyPlacement>,
  most: number,
  extraOf: (tiers: readonly number[]) => number = () => 0,
): number {
  return placements.reduce(
    (least, {tiers, amounts: [objective = 0, limited = 0]}) =>
      limited + extraOf(tiers) <= most ? Math.min(least, objective) : least,
    Infinity,
  );
}
