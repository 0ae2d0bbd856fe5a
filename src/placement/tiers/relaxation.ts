import {shareOverHops} from './hopShares.ts';
import type {Hops} from './hops.ts';
import type {TierTables} from './tierTables.ts';
import type {TierObjective} from './tierProblem.ts';

/** What weights and prices may add up to: a quarter of what a flow graph takes, the rest is for everything else. */
export const LARGEST_SUM = 2 ** 50;

/** Weights finer than this gain nothing that further rounds do not. */
const FINEST_WEIGHT = 4096;

/**
 * What a minimum cut can count instead of what is asked for, never above it: a weighted sum of the stages instead of the
 * busiest, prices for bytes instead of limits, shares per gap instead of routes.
 */
export interface Relaxation {
  readonly hops: Hops;
  /** Whole numbers that sum to `totalWeight`: a weighted mean of the stages is never above the busiest one. */
  readonly tierWeights: readonly number[];
  readonly linkWeights: readonly number[];
  readonly totalWeight: number;
  /** Weighted nanoseconds per byte, one per tier. */
  readonly memoryPrices: readonly number[];
  /** Per tensor and gap, what crossing it costs at least; `null` for a row, where it is what its one link costs. */
  readonly rightShares: Float64Array | null;
  readonly leftShares: Float64Array | null;
  /** For throughput, what a stage may take at most: no tensor takes a link on which it alone takes more. */
  readonly stageLimitNs: number;
  /** Per gap, what the links not yet opened take at least for being opened. */
  readonly openingShares: Float64Array;
}

export interface LinkState {
  /** Bit i: link i is paid for, used or not. */
  readonly openMask: number;
  /** Bit i: link i may not be used. */
  readonly closedMask: number;
}

export interface TierWeights {
  readonly tierWeights: readonly number[];
  readonly linkWeights: readonly number[];
  readonly totalWeight: number;
}

export type RelaxationMultipliers = TierWeights & Pick<Relaxation, 'memoryPrices'>;

/** Latency counts every stage once; for throughput the stages begin equal. */
export function firstWeights(
  {problem, timesNs, upNs, downNs}: TierTables,
  objective: TierObjective,
): TierWeights {
  const stages = problem.tierCount + problem.links.length;
  if (objective === 'latency')
    return {
      tierWeights: new Array<number>(problem.tierCount).fill(1),
      linkWeights: new Array<number>(problem.links.length).fill(1),
      totalWeight: 1,
    };
  let sumNs = 1;
  for (const ns of timesNs) if (ns !== Infinity) sumNs += ns;
  for (const ns of upNs) sumNs += ns;
  for (const ns of downNs) sumNs += ns;
  const totalWeight = Math.max(stages, Math.min(FINEST_WEIGHT, Math.floor(LARGEST_SUM / sumNs)));
  return weightsFrom(new Array<number>(stages).fill(1), problem.tierCount, totalWeight);
}

/** Whole weights in proportion to the parts given, tiers first; what rounding leaves goes to the largest. */
export function weightsFrom(parts: readonly number[], tierCount: number, totalWeight: number): TierWeights {
  const sum = parts.reduce((total, part) => total + part, 0);
  const whole = parts.map(part => Math.floor((part / sum) * totalWeight));
  const largest = parts.indexOf(Math.max(...parts));
  whole[largest] = (whole[largest] as number) + totalWeight - whole.reduce((total, part) => total + part, 0);
  return {tierWeights: whole.slice(0, tierCount), linkWeights: whole.slice(tierCount), totalWeight};
}

/** Shares for a set of links, those gaps preferred that lie furthest left. */
export function firstRelaxation(
  tables: TierTables,
  hops: Hops,
  state: LinkState,
  objective: TierObjective,
  weights: TierWeights,
  memoryPrices: readonly number[],
  stageLimitNs: number,
): Relaxation {
  const shares = (isRightwards: boolean): Float64Array | null => {
    if (hops.isRow) return null;
    const all = new Float64Array(tables.problem.tensors.length * hops.count);
    tables.problem.tensors.forEach((_, tensor) => {
      const costs = spanCosts(tables, {hops, ...weights, stageLimitNs}, tensor, isRightwards);
      shareOverHops(hops.spans, costs, hops.count, 0, all, tensor * hops.count);
    });
    return all;
  };
  const openingShares = new Float64Array(hops.count);
  const openings = openingCosts(tables, hops, state, objective);
  shareOverHops(hops.spans, openings, hops.count, 0, openingShares, 0);
  return {
    hops,
    ...weights,
    memoryPrices,
    stageLimitNs,
    rightShares: shares(true),
    leftShares: shares(false),
    openingShares,
  };
}

/** Per span, what the tensor takes in that direction; Infinity where it takes more than a stage may. */
export function spanCosts(
  {problem, upNs, downNs}: TierTables,
  {hops, linkWeights, stageLimitNs}: Pick<Relaxation, 'hops' | 'linkWeights' | 'stageLimitNs'>,
  tensor: number,
  isRightwards: boolean,
): number[] {
  return hops.spans.map(({link, isUpRightwards}) => {
    const ns = (isUpRightwards === isRightwards ? upNs : downNs)[
      tensor * problem.links.length + link
    ] as number;
    return ns > stageLimitNs ? Infinity : ns * (linkWeights[link] as number);
  });
}

/** Per span, the round trip of a link that is not paid for yet. Throughput has none. */
export function openingCosts(
  {problem}: TierTables,
  hops: Hops,
  {openMask}: LinkState,
  objective: TierObjective,
): number[] {
  return hops.spans.map(({link}) =>
    objective === 'throughput' || (openMask & (1 << link)) !== 0
      ? 0
      : (problem.links[link]?.roundTripNs ?? 0),
  );
}
