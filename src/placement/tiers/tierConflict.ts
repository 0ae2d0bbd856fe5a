import {EXIT, ExpectedError} from '../../errors.ts';
import {hopsOf} from './hops.ts';
import {narrowTiers, reachOf} from './narrowTiers.ts';
import {firstRelaxation, firstWeights} from './relaxation.ts';
import {tierCut} from './tierCut.ts';
import type {TierTables} from './tierTables.ts';

/** The error for layers whose tiers contradict each other: only those that are needed for it are named. */
export function errorFromPlaces(tables: TierTables, tierNames?: readonly string[]): ExpectedError {
  const {problem, tierMasks} = tables;
  const everyTier = 2 ** problem.tierCount - 1;
  const reach = reachOf(tables, {closedMask: 0});
  const isConflict = (layers: readonly number[]): boolean => {
    const masks = new Int32Array(tierMasks.length).fill(everyTier);
    for (const layer of layers) masks[layer] = tierMasks[layer] as number;
    return !narrowTiers(tables, reach, masks);
  };
  const restricted = [...tierMasks.keys()].filter(layer => tierMasks[layer] !== everyTier);
  const needed = leastConflict(restricted, isConflict);
  const named = (mask: number): string =>
    problem.memoryBytes
      .map((_, tier) => tier)
      .filter(tier => (mask & (1 << tier)) !== 0)
      .map(tier => nameOfTier(tier, tierNames))
      .join(' or ');
  const clauses = needed.slice(0, 4).map(layer => {
    const mask = tierMasks[layer] as number;
    const name = problem.layers[layer]?.name ?? `#${layer}`;
    return mask === 0 ? `layer ${name} may run on no tier` : `layer ${name} may run on ${named(mask)} only`;
  });
  if (needed.length > 4) clauses.push(`… (${needed.length - 4} more layers)`);
  const [only] = needed;
  const onlyMask = tierMasks[only ?? 0] as number;
  if (needed.length > 1)
    clauses.push(
      problem.direction === 'one-way'
        ? 'and what is handed from one to the other only goes up, over the links that there are'
        : 'and no link leads from one to the other',
    );
  else if (onlyMask !== 0 && ((reach.reads[0] as number) & onlyMask) === 0)
    clauses.push(`and no link leads there from ${nameOfTier(0, tierNames)}`);
  else if (onlyMask !== 0) clauses.push(`and no link leads from there back to ${nameOfTier(0, tierNames)}`);
  return new ExpectedError(
    'nothing-feasible',
    `No placement fits: ${clauses.join(', ')}.`,
    EXIT.unsupported,
    {
      hints: ['Take one of the pins away, give the missing times, or add the missing link.'],
    },
  );
}

/**
 * The error for a search that found nothing, mostly because weights have no room: the tiers that hold too much at least,
 * and by how many bytes.
 * @param isProven false when the search stopped at its limit
 */
export function errorFromSearch(
  tables: TierTables,
  tierNames: readonly string[] | undefined,
  isProven: boolean,
): ExpectedError {
  const {memoryBytes, tierCount} = tables.problem;
  const limited = [...memoryBytes.keys()].filter(tier => memoryBytes[tier] !== null);
  const hints = ['Give these tiers more memory, take pins away, or make the model smaller.'];
  const fail = (sentence: string): ExpectedError =>
    new ExpectedError('nothing-feasible', `No placement fits: ${sentence}.`, EXIT.unsupported, {hints});
  if (limited.length === 0)
    return fail(
      isProven
        ? 'wherever the layers are, a tensor has no route over the links that there are'
        : 'no division of the layers was found that has a route for each tensor, though none was excluded',
    );
  // One tier alone says most; a set of them is looked at where none alone is short.
  const sets = [...limited.map(tier => [tier]), ...setsOfSeveral(limited, tierCount)];
  for (const set of sets) {
    const neededBytes = leastBytesOn(tables, set);
    const roomBytes = set.reduce((sum, tier) => sum + (memoryBytes[tier] ?? 0), 0);
    if (neededBytes <= roomBytes) continue;
    const names = set.map(tier => nameOfTier(tier, tierNames)).join(' and ');
    return fail(
      `weights of at least ${neededBytes} bytes have to be on ${names}, with ${roomBytes} bytes of memory: ` +
        `${inBytes(neededBytes - roomBytes)} missing`,
    );
  }
  const names = limited
    .map(tier => `${memoryBytes[tier] ?? 0} bytes on ${nameOfTier(tier, tierNames)}`)
    .join(', ');
  return fail(
    isProven
      ? `the layers' weights cannot be divided so that they keep within ${names}`
      : `no division of the layers' weights was found that keeps within ${names}, though none was excluded`,
  );
}

function setsOfSeveral(limited: readonly number[], tierCount: number): number[][] {
  const sets: number[][] = [];
  for (let mask = 0; mask < 2 ** Math.min(limited.length, tierCount); mask++) {
    const set = limited.filter((_, index) => (mask & (1 << index)) !== 0);
    if (set.length > 1) sets.push(set);
  }
  return sets.sort((a, b) => a.length - b.length);
}

/** What must be there at least wherever the rest goes: a minimum cut that counts these bytes and nothing else. */
function leastBytesOn(tables: TierTables, tiers: readonly number[]): number {
  const {problem, timesNs} = tables;
  const bytesInstead = timesNs.map((ns, index) => {
    if (ns === Infinity) return Infinity;
    const layer = Math.floor(index / problem.tierCount);
    return tiers.includes(index % problem.tierCount) ? (problem.layers[layer]?.weightBytes ?? 0) : 0;
  });
  const bytesOnly: TierTables = {
    ...tables,
    timesNs: bytesInstead,
    upNs: tables.upNs.map(() => 0),
    downNs: tables.downNs.map(() => 0),
  };
  const everyLink = {openMask: 2 ** problem.links.length - 1, closedMask: 0};
  const relaxation = firstRelaxation(
    bytesOnly,
    hopsOf(bytesOnly, 0),
    everyLink,
    'latency',
    firstWeights(bytesOnly, 'latency'),
    problem.memoryBytes.map(() => 0),
    Infinity,
  );
  return tierCut(bytesOnly, tables.tierMasks, everyLink, relaxation)?.flow ?? 0;
}

/** Leaves out one run of layers after the other, halving the runs, until each that is left is needed. */
function leastConflict(
  layers: readonly number[],
  isConflict: (layers: readonly number[]) => boolean,
): number[] {
  let needed = [...layers];
  for (let run = needed.length; run >= 1; run = run === 1 ? 0 : Math.ceil(run / 2)) {
    for (let start = 0; start < needed.length;) {
      const without = [...needed.slice(0, start), ...needed.slice(start + run)];
      if (isConflict(without)) needed = without;
      else start += run;
    }
  }
  return needed;
}

function inBytes(bytes: number): string {
  return bytes === 1 ? '1 byte is' : `${bytes} bytes are`;
}

function nameOfTier(tier: number, tierNames: readonly string[] | undefined): string {
  return tierNames?.[tier] ?? `tier ${tier}`;
}
