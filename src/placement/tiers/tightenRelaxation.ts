import type {CheckedTierCost} from './costOfTiers.ts';
import {shareOverHops} from './hopShares.ts';
import type {Hops} from './hops.ts';
import {LARGEST_SUM, openingCosts, spanCosts, weightsFrom} from './relaxation.ts';
import type {LinkState, Relaxation, RelaxationMultipliers} from './relaxation.ts';
import type {RouteStep} from './routes.ts';
import type {TierObjective} from './tierProblem.ts';
import type {TierTables} from './tierTables.ts';

/**
 * Multipliers that charge the assignment just found more of what it truly costs: busy stages weigh more, memory that is
 * short is dearer (a subgradient step; the bound may rise or fall).
 * @param stageNs what the assignment takes, as `relaxedStages` has it
 * @param step from 1 downwards
 * @param gap what the bound lacks to the best placement known, in weighted nanoseconds
 * @see Held, Wolfe and Crowder, "Validation of subgradient optimization", Mathematical Programming 6 (1974)
 */
export function tightenMultipliers(
  tables: TierTables,
  objective: TierObjective,
  relaxation: Relaxation,
  tiers: readonly number[],
  stageNs: readonly number[],
  step: number,
  gap: number,
): RelaxationMultipliers {
  const {tierWeights, linkWeights, totalWeight} = relaxation;
  const weights =
    objective === 'throughput'
      ? weightsTowards(stageNs, [...tierWeights, ...linkWeights], tierWeights.length, totalWeight, step)
      : {tierWeights, linkWeights, totalWeight};
  return {...weights, memoryPrices: pricesTowards(tables, relaxation.memoryPrices, tiers, gap * step)};
}

/**
 * A relaxation with other multipliers in which the gaps that an assignment crosses get more of their links' cost.
 * @param step from 1 downwards: how much of the shares changes
 */
export function tightenShares(
  tables: TierTables,
  state: LinkState,
  objective: TierObjective,
  relaxation: Relaxation,
  multipliers: RelaxationMultipliers,
  tiers: readonly number[],
  step: number,
): Relaxation {
  const {hops, linkWeights, openingShares} = relaxation;
  if (hops.isRow) return {...relaxation, ...multipliers};
  const crossed = crossedGaps(tables, hops, tiers);
  let anyMask = 0;
  const shares = (before: Float64Array | null, isRightwards: boolean): Float64Array => {
    const after = new Float64Array(tables.problem.tensors.length * hops.count);
    const masks = isRightwards ? crossed.right : crossed.left;
    tables.problem.tensors.forEach((_, tensor) => {
      const mask = masks[tensor] as number;
      anyMask |= mask;
      const costs = spanCosts(tables, {...relaxation, ...multipliers}, tensor, isRightwards);
      shareOverHops(hops.spans, costs, hops.count, mask, after, tensor * hops.count);
      // Under other weights the shares from before may be more than the links cost.
      if (before === null || multipliers.linkWeights !== linkWeights) return;
      mixInto(after, before, tensor * hops.count, hops.count, mask === 0 ? 0 : step);
    });
    return after;
  };
  const rightShares = shares(relaxation.rightShares, true);
  const leftShares = shares(relaxation.leftShares, false);
  const openings = new Float64Array(hops.count);
  shareOverHops(hops.spans, openingCosts(tables, hops, state, objective), hops.count, anyMask, openings, 0);
  mixInto(openings, openingShares, 0, hops.count, step);
  return {...relaxation, ...multipliers, rightShares, leftShares, openingShares: openings};
}

/** Multiplicative weights: a stage as busy as the busiest grows by a factor e^step against one that has nothing to do. */
function weightsTowards(
  loadsNs: readonly number[],
  weights: readonly number[],
  tierCount: number,
  totalWeight: number,
  step: number,
): ReturnType<typeof weightsFrom> {
  const busiest = Math.max(...loadsNs);
  if (busiest === 0) return weightsFrom(weights, tierCount, totalWeight);
  // One part in a hundred for each stage, so that none is lost for good by rounding.
  const parts = weights.map(
    (weight, stage) =>
      (weight + totalWeight / 100 / weights.length) * Math.exp(step * ((loadsNs[stage] as number) / busiest)),
  );
  return weightsFrom(parts, tierCount, totalWeight);
}

/**
 * What an assignment takes under a relaxation: its latency alone, or each tier and then each link, where tensors go the
 * way that the weights make cheapest.
 */
export function relaxedStages(
  tables: TierTables,
  state: LinkState,
  objective: TierObjective,
  relaxation: Relaxation,
  tiers: readonly number[],
  {latencyNs, tierNs, linkNs}: CheckedTierCost,
): number[] {
  if (objective === 'latency') return [latencyNs];
  return [...tierNs, ...(relaxation.hops.isRow ? linkNs : cheapestLinkNs(tables, state, relaxation, tiers))];
}

/** What the links take when each tensor goes the way that the weights make cheapest, as the relaxation has it. */
function cheapestLinkNs(
  {problem, routes, upNs, downNs}: TierTables,
  {closedMask}: LinkState,
  {linkWeights}: Relaxation,
  tiers: readonly number[],
): number[] {
  const linkCount = problem.links.length;
  const linkNs = new Array<number>(linkCount).fill(0);
  problem.tensors.forEach(({producer, consumers, isOutput}, tensor) => {
    const nsOf = ({link, direction}: RouteStep): number =>
      (direction === 'up' ? upNs : downNs)[tensor * linkCount + link] as number;
    const from = producer === null ? 0 : (tiers[producer] as number);
    let readMask = 0;
    for (const consumer of consumers) readMask |= 1 << (tiers[consumer] as number);
    let cheapest: readonly RouteStep[] = [];
    let leastCost = Infinity;
    for (const {steps, linkMask} of routes.between(from, readMask, isOutput)) {
      if ((linkMask & closedMask) !== 0) continue;
      const routeCost = steps.reduce((sum, step) => sum + nsOf(step) * (linkWeights[step.link] as number), 0);
      if (routeCost >= leastCost) continue;
      cheapest = steps;
      leastCost = routeCost;
    }
    for (const step of cheapest) linkNs[step.link] = (linkNs[step.link] as number) + nsOf(step);
  });
  return linkNs;
}

function pricesTowards(
  {problem: {layers, memoryBytes}}: TierTables,
  prices: readonly number[],
  tiers: readonly number[],
  gap: number,
): readonly number[] {
  if (memoryBytes.every(limit => limit === null)) return prices;
  const bytes = prices.map(() => 0);
  tiers.forEach((tier, layer) => {
    bytes[tier] = (bytes[tier] as number) + (layers[layer]?.weightBytes ?? 0);
  });
  const missing = memoryBytes.map((limit, tier) => {
    if (limit === null) return 0;
    const over = (bytes[tier] as number) - limit;
    // A price of nothing cannot fall further.
    return over < 0 && prices[tier] === 0 ? 0 : over;
  });
  const length = missing.reduce((sum, over) => sum + over * over, 0);
  if (length === 0) return prices;
  // Where the sums of the cut stay whole numbers.
  const highest = LARGEST_SUM / (prices.length * layers.reduce((sum, layer) => sum + layer.weightBytes, 1));
  return prices.map((price, tier) =>
    Math.min(highest, Math.max(0, price + (gap / length) * (missing[tier] as number))),
  );
}

/** Per tensor, a mask of the gaps that it has to cross rightwards and leftwards. */
function crossedGaps(
  {problem: {tensors}}: TierTables,
  {position, count}: Hops,
  tiers: readonly number[],
): {readonly right: Int32Array; readonly left: Int32Array} {
  const right = new Int32Array(tensors.length);
  const left = new Int32Array(tensors.length);
  tensors.forEach(({producer, consumers, isOutput}, tensor) => {
    const place = (layer: number): number => position[tiers[layer] as number] as number;
    const home = position[0] as number;
    const from = producer === null ? home : place(producer);
    const targets = consumers.map(place);
    if (isOutput) targets.push(home);
    const last = Math.max(from, ...targets);
    const first = Math.min(from, ...targets);
    for (let hop = 0; hop < count; hop++) {
      if (from <= hop && hop < last) right[tensor] = (right[tensor] as number) | (1 << hop);
      if (first <= hop && hop < from) left[tensor] = (left[tensor] as number) | (1 << hop);
    }
  });
  return {right, left};
}

/** after = before + step × (after - before), where both are finite. */
function mixInto(
  after: Float64Array,
  before: Float64Array,
  offset: number,
  count: number,
  step: number,
): void {
  for (let hop = offset; hop < offset + count; hop++) {
    const to = after[hop] as number;
    const from = before[hop] as number;
    if (to !== Infinity && from !== Infinity) after[hop] = from + step * (to - from);
  }
}
