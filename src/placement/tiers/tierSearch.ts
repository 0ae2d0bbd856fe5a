import {childrenOf, chooseBranching} from './branch.ts';
import {closuresOf, narrowClosures} from './closures.ts';
import type {Closures} from './closures.ts';
import {costOfTiers} from './costOfTiers.ts';
import type {CheckedTierCost} from './costOfTiers.ts';
import {CuttingPlanes} from './cuttingPlanes.ts';
import {hopsOf} from './hops.ts';
import {bestBetween, descendFrom, lowerFrom} from './improveTiers.ts';
import {narrowLoads} from './narrowLoads.ts';
import {narrowTiers, reachOf} from './narrowTiers.ts';
import {firstRelaxation, firstWeights} from './relaxation.ts';
import type {LinkState, Relaxation} from './relaxation.ts';
import {SearchNodes} from './searchNode.ts';
import type {SearchNode} from './searchNode.ts';
import {tierCut} from './tierCut.ts';
import {windowsOf} from './tierWindows.ts';
import type {TierObjective, TierProblem} from './tierProblem.ts';
import type {TierTables} from './tierTables.ts';
import {relaxedStages, tightenMultipliers, tightenShares} from './tightenRelaxation.ts';

/** Rounds of better multipliers for the whole problem, where there are any, and for each part of it. */
const FIRST_ROUNDS = 40;
const FURTHER_ROUNDS = 4;
const WINDOW_ROUNDS = 10;

/** How long a descent may last; mostly it ends by itself before. */
const MOVES_PER_LAYER = 20;

/** An assignment with what it costs; `height` is the sum of its tiers. */
interface Found {
  readonly tiers: readonly number[];
  readonly cost: CheckedTierCost;
  readonly ns: number;
  readonly height: number;
}

/**
 * Branch and bound over the minimum cuts of relaxations: the part with the lowest bound is looked at first, and divided where
 * its bound errs. With one part, whose cut is exact, that is all there is to do.
 * @see Fisher, "The Lagrangian relaxation method for solving integer programming problems", Management Science 27 (1981)
 */
export class TierSearch {
  readonly #tables: TierTables;
  readonly #objective: TierObjective;
  readonly #nodes = new SearchNodes();
  /** Where data only rises and something is limited. */
  readonly #closures: Closures | null = null;
  #cutsLeft: number;
  #best: Found | null = null;
  /** Where improvements begin: the best so far, or what came nearest to keeping within the memory. */
  #start: readonly number[] | null = null;
  /** That with the highest bound for the whole problem. */
  #rootRelaxation: Relaxation | null = null;
  /** The lowest bound of the parts that were given up with a placement above it. */
  #leftBoundNs = Infinity;

  constructor(tables: TierTables, objective: TierObjective, mostCuts: number) {
    this.#tables = tables;
    this.#objective = objective;
    if (isLimited(tables.problem, objective) && tables.problem.direction === 'one-way')
      this.#closures = closuresOf(tables);
    this.#cutsLeft = mostCuts;
  }

  /** False when parts were left because of the limit. */
  isExhausted = true;

  /**
   * @param findStarts assignments to begin with, asked for when the first cuts prove nothing
   * @returns the best that was found, `null` for nothing, and what no placement is below
   */
  run(findStarts: () => readonly (readonly number[])[]): {
    readonly best: Found | null;
    readonly boundNs: number;
  } {
    const tierMasks = this.#tables.tierMasks.slice();
    this.#add({tierMasks, openMask: 0, closedMask: 0, boundNs: 0, relaxation: null});
    let boundNs = this.#bestNs;
    let isFirst = true;
    const limited = isLimited(this.#tables.problem, this.#objective);
    for (let node = this.#nodes.take(); node !== undefined; node = this.#nodes.take()) {
      if (node.boundNs >= this.#bestNs) break;
      if (this.#cutsLeft <= 0) {
        this.isExhausted = false;
        boundNs = node.boundNs;
        break;
      }
      this.#explore(node);
      if (isFirst && (!this.#nodes.isEmpty || this.#leftBoundNs < this.#bestNs)) {
        this.#beginWith(findStarts());
        if (limited && this.#rootRelaxation !== null) this.#improveInWindows(this.#rootRelaxation);
      }
      isFirst = false;
    }
    if (this.isExhausted) boundNs = this.#bestNs;
    // Equally busy placements differ in latency, so for throughput lower is not better.
    if (this.#best !== null && this.#objective === 'latency')
      this.#offer(lowerFrom(this.#tables, this.#best.tiers, this.#best.ns));
    return {best: this.#best, boundNs: Math.min(boundNs, this.#leftBoundNs, this.#bestNs)};
  }

  #beginWith(starts: readonly (readonly number[])[]): void {
    for (const tiers of starts) if (this.#offer(tiers).cost.violations.length === 0) this.#improveOn(tiers);
  }

  get #bestNs(): number {
    return this.#best?.ns ?? Infinity;
  }

  #explore(node: SearchNode): void {
    const tables = this.#tables;
    const objective = this.#objective;
    const isFirst = node.relaxation === null;
    let relaxation = node.relaxation ?? this.#relaxationOf(node);
    let {boundNs, tierMasks} = node;
    const rounds = isFirst ? FIRST_ROUNDS : FURTHER_ROUNDS;
    const canTighten = !relaxation.hops.isRow || isLimited(tables.problem, objective);
    let tightest = {relaxation, boundNs: -1};
    let last: Found | null = null;
    let planes =
      isFirst && isLimited(tables.problem, objective) ? new CuttingPlanes(tables, objective) : null;
    for (let round = 0; round < (canTighten ? rounds : 1); round++) {
      if (this.#stageLimitNs < relaxation.stageLimitNs) {
        relaxation = {...relaxation, stageLimitNs: this.#stageLimitNs};
        tierMasks = tierMasks.slice();
        if (!this.#narrow(node, tierMasks)) return;
      }
      this.#cutsLeft -= 1;
      const cut = tierCut(tables, tierMasks, node, relaxation);
      if (cut === null) return;
      const relaxedNs = this.#boundOf(cut.flow, node, relaxation);
      if (relaxedNs > tightest.boundNs) tightest = {relaxation, boundNs: relaxedNs};
      boundNs = Math.max(boundNs, relaxedNs);
      last = this.#offer(cut.tiers);
      if (isContradiction(node, objective, relaxedNs, last.cost))
        throw new Error(`the cut does not prove itself: bound ${relaxedNs} ns, cost ${last.ns} ns`);
      if (boundNs >= this.#bestNs) return;
      if (canTighten && isFirst) {
        this.#improveOn(cut.tiers);
        if (boundNs >= this.#bestNs) return;
      }
      if (round + 1 >= rounds || this.#cutsLeft <= 0) break;
      const stages = relaxedStages(tables, node, objective, relaxation, cut.tiers, last.cost);
      let multipliers = planes?.next(relaxation, cut.tiers, stages, relaxedNs) ?? null;
      // In a row the bound is as high as it gets; elsewhere the shares of the links may be wrong.
      if (multipliers === null && planes !== null && relaxation.hops.isRow) break;
      const step = 2 / (round + 2);
      if (multipliers === null) {
        planes = null;
        const target = Math.min(this.#bestNs, boundNs * 1.05 + 1);
        const gap = (target - relaxedNs) * relaxation.totalWeight;
        multipliers = tightenMultipliers(tables, objective, relaxation, cut.tiers, stages, step, gap);
      }
      relaxation = tightenShares(tables, node, objective, relaxation, multipliers, cut.tiers, step);
    }
    if (isFirst) this.#rootRelaxation ??= tightest.relaxation;
    if (last === null) return;
    const branching = chooseBranching(
      tables,
      {...node, tierMasks, relaxation},
      objective,
      last.tiers,
      last.cost,
    );
    if (branching === null) {
      // Only routes are left, and for throughput there may have been too many of them to try.
      if (last.cost.violations.length === 0)
        this.#leftBoundNs = Math.min(this.#leftBoundNs, Math.max(boundNs, lowestOf(last.cost, objective)));
      return;
    }
    for (const child of childrenOf({...node, tierMasks}, branching))
      this.#add({...child, boundNs, relaxation: branching.kind === 'layer' ? tightest.relaxation : null});
  }

  /**
   * Places one window of layers after the other anew, all others staying where the best so far has them, until none
   * of them gets better: what moves together moves by a cut.
   * @see Shaw, "Using constraint programming and local search methods to solve vehicle routing problems", CP (1998)
   */
  #improveInWindows(relaxation: Relaxation): void {
    const {problem, tierMasks} = this.#tables;
    const windows = windowsOf(this.#tables);
    const leastCutsLeft = this.#cutsLeft / 2;
    let unchanged = 0;
    for (let turn = 0; unchanged < windows.length; turn++) {
      const best = this.#best;
      const layers = windows[turn % windows.length];
      if (best === null || layers === undefined || this.#cutsLeft <= leastCutsLeft) return;
      const masks = Int32Array.from(best.tiers, tier => 1 << tier);
      for (const layer of layers) masks[layer] = tierMasks[layer] as number;
      this.#placeWindow(masks, relaxation, layers.length / problem.layers.length);
      unchanged = this.#bestNs < best.ns ? 0 : unchanged + 1;
    }
  }

  /** @param share of a cut that one for the window counts */
  #placeWindow(tierMasks: Int32Array, first: Relaxation, share: number): void {
    const tables = this.#tables;
    const objective = this.#objective;
    const state: LinkState = {openMask: 0, closedMask: 0};
    const planes = new CuttingPlanes(tables, objective);
    let relaxation: Relaxation = {...first, stageLimitNs: this.#stageLimitNs};
    if (!this.#narrow(state, tierMasks)) return;
    for (let round = 0; round < WINDOW_ROUNDS; round++) {
      this.#cutsLeft -= share;
      const cut = tierCut(tables, tierMasks, state, relaxation);
      if (cut === null) return;
      const relaxedNs = this.#boundOf(cut.flow, state, relaxation);
      const {cost} = this.#offer(cut.tiers);
      if (this.#best !== null) this.#offer(bestBetween(tables, objective, this.#best.tiers, cut.tiers));
      if (relaxedNs >= this.#bestNs) return;
      const stages = relaxedStages(tables, state, objective, relaxation, cut.tiers, cost);
      const multipliers = planes.next(relaxation, cut.tiers, stages, relaxedNs);
      if (multipliers === null) return;
      const step = 2 / (round + 2);
      relaxation = tightenShares(tables, state, objective, relaxation, multipliers, cut.tiers, step);
    }
  }

  /** Looks for something better near what a cut found, and between it and the best so far. */
  #improveOn(tiers: readonly number[]): void {
    const objective = this.#objective;
    const between = this.#start === null ? tiers : bestBetween(this.#tables, objective, this.#start, tiers);
    const improved = descendFrom(this.#tables, objective, between, MOVES_PER_LAYER * tiers.length);
    this.#offer(improved);
    this.#start = this.#best?.tiers ?? improved;
  }

  #add(node: SearchNode): void {
    if (this.#narrow(node, node.tierMasks)) this.#nodes.add(node);
  }

  #narrow(state: LinkState, tierMasks: Int32Array): boolean {
    const tables = this.#tables;
    const limitNs = this.#stageLimitNs;
    return (
      (this.#closures === null || narrowClosures(tables, this.#closures, tierMasks, limitNs)) &&
      narrowTiers(tables, reachOf(tables, state), tierMasks) &&
      narrowLoads(tables, tierMasks, limitNs)
    );
  }

  /** Only what is better than the best so far is of interest. */
  get #stageLimitNs(): number {
    return this.#objective === 'throughput' ? this.#bestNs - 1 : Infinity;
  }

  #relaxationOf(node: SearchNode): Relaxation {
    const tables = this.#tables;
    return firstRelaxation(
      tables,
      hopsOf(tables, node.closedMask),
      node,
      this.#objective,
      firstWeights(tables, this.#objective),
      new Array<number>(tables.problem.tierCount).fill(0),
      this.#stageLimitNs,
    );
  }

  /** Prices are paid for all bytes and paid back for the bytes that there are: whole nanoseconds, rounded up. */
  #boundOf(flow: number, {openMask}: LinkState, {memoryPrices, totalWeight}: Relaxation): number {
    const {links, memoryBytes} = this.#tables.problem;
    let relaxed = flow;
    memoryPrices.forEach((price, tier) => {
      if (price > 0) relaxed -= Math.ceil(price * (memoryBytes[tier] ?? 0)) + 1;
    });
    const openedNs = links.reduce(
      (sum, {roundTripNs}, link) => sum + ((openMask & (1 << link)) === 0 ? 0 : roundTripNs),
      0,
    );
    return Math.ceil(relaxed / totalWeight) + openedNs;
  }

  #offer(tiers: readonly number[]): Found {
    const {problem, routes} = this.#tables;
    const objective = this.#objective;
    const cost = costOfTiers(problem, tiers, objective, routes, this.#bestNs);
    const ns = objective === 'latency' ? cost.latencyNs : cost.bottleneckNs;
    const height = tiers.reduce((sum, tier) => sum + tier, 0);
    const found = {tiers, cost, ns, height};
    const best = this.#best;
    if (
      cost.violations.length === 0 &&
      (best === null || ns < best.ns || (ns === best.ns && height < best.height))
    )
      this.#best = found;
    return found;
  }
}

/** Whether a cut alone, even an exact one, does not answer the question. */
function isLimited({memoryBytes}: TierProblem, objective: TierObjective): boolean {
  return objective === 'throughput' || memoryBytes.some(limit => limit !== null);
}

/** A relaxation charges no placement more than it costs, unless links are paid for that it does not use. */
function isContradiction(
  {openMask, closedMask}: SearchNode,
  objective: TierObjective,
  relaxedNs: number,
  {violations, latencyNs}: CheckedTierCost,
): boolean {
  const isUndecided = openMask === 0 && closedMask === 0;
  return objective === 'latency' && isUndecided && violations.length === 0 && relaxedNs > latencyNs;
}

function lowestOf({latencyNs, bottleneckBoundNs}: CheckedTierCost, objective: TierObjective): number {
  return objective === 'latency' ? latencyNs : bottleneckBoundNs;
}
