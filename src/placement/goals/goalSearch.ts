import {solveMaster} from '../tiers/masterProgram.ts';
import {cheapestPlacement, contractionOf} from './cheapestPlacement.ts';
import {amountOf, mostOf, weighMeasures} from './space.ts';
import type {Measure, Space, SpacePlacement} from './space.ts';

/** What a quantity may come to at most. */
export interface Limit {
  readonly name: string;
  readonly measure: Measure;
  readonly most: number;
  /** What comes on top for a whole placement and does not add up layer by layer; never negative. */
  readonly extraOf?: (placement: SpacePlacement) => number;
}

export interface Goal {
  readonly space: Space;
  readonly objective: Measure;
  readonly limits: readonly Limit[];
  /** How many placements may be looked for at most; left out: as many as fit into about two seconds. */
  readonly mostCuts?: number;
}

export interface GoalAnswer {
  /** `null`: nothing was found that keeps to the limits. */
  readonly best: (SpacePlacement & {readonly amount: number}) | null;
  /** No placement within the limits takes less of the objective; Infinity: there is none. */
  readonly bound: number;
  /** False when parts were left because of the limit of cuts. */
  readonly isExhausted: boolean;
  /** Placements that were looked for. */
  readonly cuts: number;
}

interface Part {
  readonly tierMasks: Int32Array;
  readonly bound: number;
  /** Objective per unit of each limit. */
  readonly prices: readonly number[];
}

/** What whole weights, and with them the sums of a cut, may come to. */
const LARGEST_SUM = 2 ** 50;
const FINEST_WEIGHT = 2 ** 12;
const FIRST_ROUNDS = 24;
const FURTHER_ROUNDS = 4;

/**
 * The placement that takes least of one quantity and keeps to limits on others: the limits are given prices (Lagrange), the
 * cheapest placement at those prices bounds every other, and a part of all placements is divided where the bound errs.
 * @see Fisher, "The Lagrangian relaxation method for solving integer programming problems", Management Science 27 (1981)
 */
export function searchGoal({space, objective, limits, mostCuts = defaultCuts(space)}: Goal): GoalAnswer {
  if (limits.some(({most}) => most < 0)) return {best: null, bound: Infinity, isExhausted: true, cuts: 0};
  const contraction = contractionOf(space);
  let cutsLeft = mostCuts;
  const kept: {best: GoalAnswer['best']} = {best: null};
  let leftBound = Infinity;
  const rootMasks = Int32Array.from(space.layers, ({tierMask}) => tierMask);
  const largest = mostOf(objective);
  const scales = limits.map(({measure, most}) => Math.max(1, mostOf(measure), most));

  /** Rounded, so that weighted amounts stay whole; the bound is worked out with the rounded ones. */
  const wholePrices = (prices: readonly number[]): {weight: number; whole: number[]} => {
    const sum = prices.reduce((total, price, at) => total + price * (scales[at] as number), largest + 1);
    const weight = Math.max(1, Math.min(FINEST_WEIGHT, Math.floor(LARGEST_SUM / sum)));
    const room = LARGEST_SUM - weight * largest;
    return {
      weight,
      whole: prices.map((price, at) =>
        Math.min(Math.round(price * weight), Math.floor(room / (limits.length * (scales[at] as number)))),
      ),
    };
  };

  const offer = (
    placement: SpacePlacement,
  ): {readonly amount: number; readonly over: number[]; readonly isWithin: boolean} => {
    const {tiers, crossings} = placement;
    const amount = amountOf(space, objective, placement);
    const over = limits.map(
      ({measure, most, extraOf}) => amountOf(space, measure, placement) + (extraOf?.(placement) ?? 0) - most,
    );
    const isWithin = over.every(excess => excess <= 0);
    if (isWithin && (kept.best === null || amount < kept.best.amount)) kept.best = {tiers, crossings, amount};
    return {amount, over, isWithin};
  };

  const explore = (part: Part, rounds: number): void => {
    const columns: {stageNs: number[]; overBytes: number[]}[] = [];
    let {bound, prices} = part;
    let bestPrices = prices;
    let worst: {placement: SpacePlacement; over: number[]} | null = null;
    for (let round = 0; round < rounds && cutsLeft > 0; round++) {
      cutsLeft -= 1;
      const {weight, whole} = wholePrices(prices);
      const weighed = weighMeasures([
        {measure: objective, weight},
        ...limits.map(({measure}, at) => ({measure, weight: whole[at] as number})),
      ]);
      const found = cheapestPlacement(space, contraction, weighed, part.tierMasks, Math.max(8, mostCuts / 8));
      if (found === null) return;
      const paid = limits.reduce((sum, {most}, at) => sum + most * (whole[at] as number), 0);
      const roundBound = Math.ceil((found.bound - paid) / weight);
      if (roundBound > bound || round === 0) [bound, bestPrices] = [Math.max(bound, roundBound), prices];
      const {amount, over, isWithin} = offer(found);
      if (!isWithin || worst === null) worst = {placement: found, over};
      // None takes more than all of it: a bound above that says that there is none.
      if (bound >= (kept.best?.amount ?? largest + 1)) return;
      if (limits.length === 0) break;
      columns.push({stageNs: [amount], overBytes: over.map((excess, at) => excess / (scales[at] as number))});
      const master = solveMaster(columns, 4 * (largest + 1));
      if (master.valueNs <= bound * (1 + 1e-9) && round > 0) break;
      const next = master.prices.map((price, at) => price / (scales[at] as number));
      if (next.every((price, at) => price === prices[at])) break;
      prices = next;
    }
    if (worst === null) {
      leftBound = Math.min(leftBound, bound);
      return;
    }
    const division = divide(part.tierMasks, worst.placement, worst.over);
    if (division === null) {
      // Every layer has its place; only other ways for its tensors are left, and none was found that keeps to the limits.
      if (space.links.length > space.tierCount - 1) leftBound = Math.min(leftBound, bound);
      return;
    }
    for (const tierMasks of division) parts.push({tierMasks, bound, prices: bestPrices});
  };

  /** The layer that matters most to what is over, or else to the objective, on its tier and on the others. */
  const divide = (
    masks: Int32Array,
    {tiers}: SpacePlacement,
    over: readonly number[],
  ): Int32Array[] | null => {
    const broken = over.indexOf(Math.max(...over));
    const measure = (over[broken] ?? 0) > 0 ? (limits[broken] as Limit).measure : objective;
    let chosen = -1;
    let largestDifference = -1;
    masks.forEach((mask, layer) => {
      if ((mask & (mask - 1)) === 0) return;
      const row = measure.layers[layer] ?? [];
      const here = row[tiers[layer] as number] ?? 0;
      const difference = Math.max(
        ...row.flatMap((amount, tier) => ((mask & (1 << tier)) === 0 ? [] : [Math.abs(here - amount)])),
      );
      if (difference > largestDifference) [chosen, largestDifference] = [layer, difference];
    });
    if (chosen === -1) return null;
    const here = 1 << (tiers[chosen] as number);
    const group = contraction.groupOf[chosen];
    return [(masks[chosen] as number) & ~here, here].map(mask =>
      masks.map((before, layer) => (contraction.groupOf[layer] === group ? before & mask : before)),
    );
  };

  const parts: Part[] = [
    {
      tierMasks: rootMasks,
      bound: 0,
      prices: limits.map(() => 0),
    },
  ];
  // A limit that is too tight by itself needs no search, and prices climb slowly to where they show it.
  for (const {measure, most} of limits) {
    cutsLeft -= 1;
    const least = cheapestPlacement(space, contraction, measure, rootMasks, Math.max(8, mostCuts / 8));
    if (least === null || least.bound > most)
      return {best: null, bound: Infinity, isExhausted: true, cuts: mostCuts - cutsLeft};
    offer(least);
  }
  for (let isFirst = true; parts.length > 0 && cutsLeft > 0; isFirst = false) {
    const part = takeLowest(parts, kept.best === null);
    if (part.bound >= (kept.best?.amount ?? Infinity)) continue;
    explore(part, isFirst ? FIRST_ROUNDS : FURTHER_ROUNDS);
  }
  const found = kept.best;
  const open = parts.filter(({bound}) => bound < (found?.amount ?? Infinity));
  const bound = Math.min(found?.amount ?? Infinity, leftBound, ...open.map(part => part.bound));
  return {
    best: found,
    bound,
    isExhausted: open.length === 0 && leftBound === Infinity,
    cuts: mostCuts - cutsLeft,
  };
}

/** The part with the lowest bound, or, as long as nothing is known that keeps to the limits, the latest. */
function takeLowest(parts: Part[], isLatest: boolean): Part {
  let at = parts.length - 1;
  if (!isLatest) parts.forEach(({bound}, index) => (at = bound < (parts[at] as Part).bound ? index : at));
  const [part] = parts.splice(at, 1);
  return part as Part;
}

/** As many as take about two seconds; measured as for `placeOnTiers`. */
export function defaultCuts({layers, tierCount}: Space): number {
  return Math.max(24, Math.min(20_000, Math.round(1_700_000 / (layers.length * tierCount + 10) ** 1.2)));
}
