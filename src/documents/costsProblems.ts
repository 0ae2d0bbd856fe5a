import type {CostsProblem} from './costsProblem.ts';
import {problemsOfOrder} from './costsOrder.ts';
import type {CostsTable} from './costsTable.ts';
import {matchesPattern} from './namePattern.ts';
import {nearestWord} from './nearestWord.ts';

/** Sums of this many nanoseconds, 52 days, stay exact whole numbers with room to spare. */
const LARGEST_SUM_NS = 2 ** 52;
const NS_PER_MS = 1e6;
const BITS_PER_BYTE = 8;
const BITS_PER_MBIT = 1e6;
const MS_PER_SECOND = 1e3;

/** Looking for the word that was meant takes a while among thousands; nobody reads more than this. */
const MOST_SUGGESTIONS = 50;

/**
 * Names that stand twice or mean nothing; then cycles, pins against the order of the tiers, and sums past 2^52 ns.
 * @param isWellFormed every part by itself: no list is too short and no number out of range
 */
export function problemsOfCosts(costs: CostsTable, isWellFormed: boolean): CostsProblem[] {
  if (costs.tiers.length === 0) return [];
  const ofNames = [...problemsOfRepetition(costs), ...problemsOfReferences(costs)];
  // As long as names do not mean one thing each, neither order nor sums mean anything.
  if (ofNames.length > 0 || !isWellFormed) return ofNames;
  return [...problemsOfOrder(costs), ...problemsOfSums(costs)];
}

function problemsOfRepetition({tiers, layers, tensors, links}: CostsTable): CostsProblem[] {
  const problems: CostsProblem[] = [];
  const check = (
    list: string,
    items: readonly {readonly name: string; readonly path: CostsProblem['path']; readonly input: string}[],
    expected: string,
  ): void => {
    const first = new Map<string, number>();
    items.forEach(({name, path, input}, index) => {
      const before = first.get(name);
      if (before === undefined) first.set(name, index);
      else problems.push({path, input, expected: `${expected}: ${list}[${before}] is the same`});
    });
  };
  const namesOf = (list: 'layers' | 'tensors', items: readonly {readonly name: string}[]) =>
    items.map(({name}, index) => ({name, path: [list, index, 'name'], input: name}));
  check(
    'tiers',
    tiers.map((name, index) => ({name, path: ['tiers', index], input: name})),
    'a name that no other tier has',
  );
  check('layers', namesOf('layers', layers), 'a name that no other layer has');
  check('tensors', namesOf('tensors', tensors), 'a name that no other tensor has');
  check(
    'links',
    links.map(({from, to}, index) => ({
      name: JSON.stringify([from, to]),
      path: ['links', index, 'to'],
      input: to,
    })),
    'one link between two tiers',
  );
  return problems;
}

function problemsOfReferences({
  tiers,
  layers,
  tensors,
  links,
  pins,
  memoryBytes,
}: CostsTable): CostsProblem[] {
  const problems: CostsProblem[] = [];
  const tierNames = new Set(tiers);
  const layerNames = new Set(layers.map(({name}) => name));
  const meant = (name: string, known: ReadonlySet<string>): string => {
    const nearest = problems.length < MOST_SUGGESTIONS ? nearestWord(name, [...known]) : undefined;
    if (nearest !== undefined) return `: did you mean "${nearest}"?`;
    return known === tierNames ? `: one of ${listNames(tiers)}` : '';
  };
  const check = (
    path: CostsProblem['path'],
    input: unknown,
    name: string,
    known: ReadonlySet<string>,
    what: string,
  ): void => {
    if (!known.has(name)) problems.push({path, input, expected: what + meant(name, known)});
  };

  layers.forEach(({name, timeMs}, index) => {
    const path = ['layers', index, 'timeMs'];
    const entries = Object.entries(timeMs);
    if (entries.length === 0)
      problems.push({
        path,
        input: timeMs,
        expected: `a time on at least one tier: layer "${name}" can run nowhere`,
      });
    for (const [tier, ms] of entries)
      check([...path, tier], ms, tier, tierNames, 'the name of a tier as the key');
  });
  tensors.forEach(({producer, consumers}, index) => {
    if (producer !== null)
      check(['tensors', index, 'producer'], producer, producer, layerNames, 'the name of a layer');
    consumers.forEach((consumer, at) =>
      check(['tensors', index, 'consumers', at], consumer, consumer, layerNames, 'the name of a layer'),
    );
  });
  links.forEach(({from, to}, index) => {
    check(['links', index, 'from'], from, from, tierNames, 'the name of a tier');
    check(['links', index, 'to'], to, to, tierNames, 'the name of a tier');
    if (tierNames.has(from) && tierNames.has(to) && tiers.indexOf(to) <= tiers.indexOf(from))
      problems.push({
        path: ['links', index, 'to'],
        input: to,
        expected:
          from === to
            ? `another tier than "${from}"`
            : `a tier above "${from}": one entry from "${to}" to "${from}" tells of both directions`,
      });
  });
  pins.forEach(({layer, tier}, index) => {
    check(['pins', index, 'tier'], tier, tier, tierNames, 'the name of a tier');
    if (!layers.some(({name}) => matchesPattern(name, layer)))
      check(
        ['pins', index, 'layer'],
        layer,
        layer,
        layerNames,
        'the name of a layer, or a pattern that fits one',
      );
  });
  for (const [tier, bytes] of Object.entries(memoryBytes))
    check(['memoryBytes', tier], bytes, tier, tierNames, 'the name of a tier as the key');
  return problems;
}

/** The first number with which all times, transfers and round trips together pass what can be added exactly. */
function problemsOfSums({layers, tensors, links}: CostsTable): CostsProblem[] {
  const allBytes = tensors.reduce((sum, {bytes}) => sum + bytes, 0);
  const transferMs = (mbitPerSecond: number): number =>
    ((allBytes * BITS_PER_BYTE) / (mbitPerSecond * BITS_PER_MBIT)) * MS_PER_SECOND;
  const terms = [
    ...layers.flatMap(({timeMs}, index) =>
      Object.entries(timeMs).map(([tier, ms]) => ({
        path: ['layers', index, 'timeMs', tier],
        input: ms,
        ms,
      })),
    ),
    ...links.flatMap(({upMbitPerSecond, downMbitPerSecond, roundTripMs}, index) => [
      {
        path: ['links', index, 'upMbitPerSecond'],
        input: upMbitPerSecond,
        ms: transferMs(upMbitPerSecond),
      },
      {
        path: ['links', index, 'downMbitPerSecond'],
        input: downMbitPerSecond,
        ms: transferMs(downMbitPerSecond),
      },
      {path: ['links', index, 'roundTripMs'], input: roundTripMs, ms: roundTripMs},
    ]),
  ];
  let sumMs = 0;
  for (const {path, input, ms} of terms) {
    sumMs += ms;
    if (sumMs * NS_PER_MS > LARGEST_SUM_NS)
      return [
        {path, input, expected: 'times and transfers that add up to at most 2^52 nanoseconds (52 days)'},
      ];
  }
  return [];
}

function listNames(names: readonly string[]): string {
  return names.map(name => `"${name}"`).join(', ');
}
