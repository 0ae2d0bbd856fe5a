import type {CostsProblem} from './costsProblem.ts';
import type {CostsTable} from './costsTable.ts';
import {matchesPattern} from './namePattern.ts';

/** One layer reads what another makes; `tensor`, `producer` and `consumer` are indices into the table. */
interface Dependency {
  readonly tensor: number;
  readonly producer: number;
  readonly consumer: number;
}

/** A layer's pin, as indices into the table's pins and tiers. */
interface AppliedPin {
  readonly pin: number;
  readonly tier: number;
}

const NAMED_LAYERS = 8;

/** Cycles; then pins that contradict each other, the times, or the order of the tiers. All names must be known. */
export function problemsOfOrder(costs: CostsTable): CostsProblem[] {
  const dependencies = dependenciesOf(costs);
  const order = orderOfLayers(costs.layers.length, dependencies);
  if (order.length < costs.layers.length) return [problemOfCycle(costs, dependencies, new Set(order))];
  const {applied, problems} = applyPins(costs);
  if (problems.length > 0 || costs.direction === 'two-way') return problems;
  return problemsOfDirection(costs, dependencies, order, applied);
}

function dependenciesOf({layers, tensors}: CostsTable): Dependency[] {
  const indices = new Map(layers.map(({name}, index) => [name, index]));
  return tensors.flatMap(({producer, consumers}, tensor) => {
    const from = producer === null ? undefined : indices.get(producer);
    if (from === undefined) return [];
    return consumers.flatMap(consumer => {
      const to = indices.get(consumer);
      return to === undefined ? [] : [{tensor, producer: from, consumer: to}];
    });
  });
}

/** Layers after all that they wait for; those on a cycle and behind one are left out. */
function orderOfLayers(layerCount: number, dependencies: readonly Dependency[]): number[] {
  const waitsFor = new Array<number>(layerCount).fill(0);
  const readers = Array.from({length: layerCount}, (): number[] => []);
  for (const {producer, consumer} of dependencies) {
    waitsFor[consumer] = (waitsFor[consumer] ?? 0) + 1;
    readers[producer]?.push(consumer);
  }
  const order = waitsFor.flatMap((count, layer) => (count === 0 ? [layer] : []));
  for (const layer of order) {
    for (const reader of readers[layer] ?? []) {
      const left = (waitsFor[reader] ?? 0) - 1;
      waitsFor[reader] = left;
      if (left === 0) order.push(reader);
    }
  }
  return order;
}

/** Among the layers that could not be ordered each waits for another: going back from one to the next must meet itself. */
function problemOfCycle(
  {layers, tensors}: CostsTable,
  dependencies: readonly Dependency[],
  ordered: ReadonlySet<number>,
): CostsProblem {
  const cause = new Map<number, Dependency>();
  for (const dependency of dependencies)
    if (!ordered.has(dependency.producer)) cause.set(dependency.consumer, dependency);
  const [start] = cause.values();
  const walked: Dependency[] = [];
  const seenAt = new Map<number, number>();
  for (let here = start; here !== undefined; here = cause.get(here.producer)) {
    const before = seenAt.get(here.consumer);
    if (before !== undefined) {
      walked.splice(0, before);
      break;
    }
    seenAt.set(here.consumer, walked.length);
    walked.push(here);
  }
  // Walked from readers to what they read; told in the direction in which tensors flow.
  const names = walked.map(({consumer}) => layers[consumer]?.name ?? '').reverse();
  const shown =
    names.length <= NAMED_LAYERS
      ? names
      : [...names.slice(0, NAMED_LAYERS - 1), `… (${names.length - NAMED_LAYERS} more)`, ...names.slice(-1)];
  const tensor = walked[0]?.tensor ?? 0;
  return {
    path: ['tensors', tensor, 'producer'],
    input: tensors[tensor]?.producer,
    expected: `layers that do not wait for one another: ${[...shown, ...names.slice(0, 1)].join(' → ')} is a cycle`,
  };
}

function applyPins({tiers, layers, pins}: CostsTable): {
  applied: ReadonlyMap<number, AppliedPin>;
  problems: CostsProblem[];
} {
  const applied = new Map<number, AppliedPin>();
  const problems: CostsProblem[] = [];
  pins.forEach(({layer: pattern, tier}, pin) => {
    const expected: string[] = [];
    layers.forEach(({name, timeMs}, layer) => {
      if (!matchesPattern(name, pattern)) return;
      const other = applied.get(layer);
      const otherTier = other === undefined ? undefined : tiers[other.tier];
      if (other !== undefined && otherTier !== undefined && otherTier !== tier)
        expected.push(`"${otherTier}", where pins[${other.pin}] keeps layer "${name}"`);
      else if (!Object.hasOwn(timeMs, tier))
        expected.push(`a tier that layer "${name}" has a time for: ${listNames(Object.keys(timeMs))}`);
      else applied.set(layer, {pin, tier: tiers.indexOf(tier)});
    });
    // One problem a pin: its pattern may fit thousands of layers.
    if (expected[0] !== undefined)
      problems.push({path: ['pins', pin, 'tier'], input: tier, expected: expected[0]});
  });
  return {applied, problems};
}

/**
 * Going up from the inputs, each layer on the lowest tier that is left to it: where none is left, a pin is to blame
 * when one holds this layer, or the one that pushes it up. Without a pin the table simply has no placement.
 */
function problemsOfDirection(
  {tiers, layers}: CostsTable,
  dependencies: readonly Dependency[],
  order: readonly number[],
  applied: ReadonlyMap<number, AppliedPin>,
): CostsProblem[] {
  const producers = layers.map((): number[] => []);
  for (const {producer, consumer} of dependencies) producers[consumer]?.push(producer);
  const lowest = layers.map(() => ({tier: 0, becauseOf: 0}));
  const problems: CostsProblem[] = [];
  const blamed = new Set<number>();
  for (const layer of order) {
    const pin = applied.get(layer);
    const possible =
      pin === undefined
        ? tiers.flatMap((name, tier) => (Object.hasOwn(layers[layer]?.timeMs ?? {}, name) ? [tier] : []))
        : [pin.tier];
    let pushed = {tier: 0, becauseOf: layer};
    for (const producer of producers[layer] ?? []) {
      const from = lowest[producer];
      if (from !== undefined && from.tier > pushed.tier) pushed = from;
    }
    const tier = possible.find(each => each >= pushed.tier);
    if (tier !== undefined) {
      lowest[layer] = tier === pushed.tier ? pushed : {tier, becauseOf: layer};
      continue;
    }
    const highest = possible.at(-1) ?? 0;
    lowest[layer] = {tier: highest, becauseOf: layer};
    const name = layers[layer]?.name ?? '';
    const below = layers[pushed.becauseOf]?.name ?? '';
    const otherPin = applied.get(pushed.becauseOf);
    const toBlame = pin ?? otherPin;
    if (toBlame === undefined || blamed.has(toBlame.pin)) continue;
    blamed.add(toBlame.pin);
    const [first, second] = [tiers[highest] ?? '', tiers[pushed.tier] ?? ''];
    problems.push({
      path: ['pins', toBlame.pin, 'tier'],
      input: tiers[toBlame.tier],
      expected:
        pin === undefined
          ? `a tier no higher than "${first}" for layer "${below}": layer "${name}" waits for it and cannot run higher, and one-way nothing comes back down`
          : `a tier no lower than "${second}" for layer "${name}": it waits for layer "${below}", which ${otherPin === undefined ? 'cannot run lower' : `pins[${otherPin.pin}] keeps there`}, and one-way nothing comes back down`,
    });
  }
  return problems;
}

function listNames(names: readonly string[]): string {
  return names.map(name => `"${name}"`).join(', ');
}
