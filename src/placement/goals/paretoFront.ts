import {hullOf} from './convexHull.ts';
import type {FrontGoal, FrontPoint, FrontQuestion, ParetoFront, StretchProof} from './frontQuestion.ts';
import {defaultCuts, searchGoal} from './goalSearch.ts';
import type {GoalAnswer, Limit} from './goalSearch.ts';
import {leastBusyPlacement, limitsOfStages} from './leastBusyPlacement.ts';
import {listedFront} from './listedFront.ts';
import {amountOf, mostOf, weighMeasures} from './space.ts';
import type {Measure, SpacePlacement} from './space.ts';
import {busiestNs, stagesOf} from './stages.ts';

type Point = Omit<FrontPoint, 'toNext'>;

/** What lies between two points: less than `right` of the first goal, and `least` up to less than `left` of the second. */
interface Box {
  readonly left: Point;
  readonly right: Point;
  readonly least: number;
  readonly stage: 'hull' | 'inside';
}

/** What weighted sums may come to; where there are limits their prices need room beside them. */
const LARGEST_SUM = 2 ** 50;
const LARGEST_LIMITED_SUM = 2 ** 40;
const FRONT_FACTOR = 5;

/**
 * The placements that are the best for some trade between two goals. Where there are few enough, all are tried; else first the
 * convex hull by weighted sums, then what lies inside it, box by box between neighbours, the largest first: each box is searched
 * by branch and bound, and divided at what is found, or proven to be empty. `null`: nothing is allowed.
 * @see Ulungu and Teghem, "The two phases method", Foundations of Computing and Decision Sciences 20 (1995)
 */
export function paretoFront(question: FrontQuestion): ParetoFront | null {
  const [first, second] = question.goals;
  if (first.kind === 'busiest' && second.kind === 'busiest')
    throw new RangeError('the two goals are the same');
  const listed = question.mostCuts === undefined ? listedFront(question) : undefined;
  if (listed !== undefined) return listed;
  if (first.kind === 'busiest') {
    const turned = paretoFront({...question, goals: [second, first]});
    return turned === null ? null : turnAround(turned);
  }
  return new FrontSearch(question, first.measure, second).run();
}

class FrontSearch {
  readonly #question: FrontQuestion;
  readonly #first: Measure;
  readonly #second: FrontGoal;
  readonly #stages;
  #cutsLeft: number;
  #areEndsProven = true;
  readonly #open: Box[] = [];
  /** Of each point the next, and what is known of the stretch to it. */
  readonly #stretches = new Map<Point, {next: Point; proof: StretchProof}>();

  constructor(question: FrontQuestion, first: Measure, second: FrontGoal) {
    this.#question = question;
    this.#first = first;
    this.#second = second;
    const {space, latency, requestOverheadNs} = question;
    this.#stages = stagesOf(space, latency, requestOverheadNs);
    this.#cutsLeft = question.mostCuts ?? FRONT_FACTOR * defaultCuts(space);
  }

  run(): ParetoFront | null {
    const left = this.#endOf('first');
    const right = this.#endOf('second');
    if (left === null || right === null) return null;
    if (left.amounts[1] <= right.amounts[1]) return this.#frontFrom(left);
    const stage = this.#second.kind === 'sum' ? 'hull' : 'inside';
    this.#open.push({left, right, least: right.amounts[1], stage});
    this.#stretches.set(left, {next: right, proof: 'nothing'});
    for (let box = this.#takeNext(); box !== undefined && this.#cutsLeft > 0; box = this.#takeNext())
      this.#searchBox(box);
    return this.#frontFrom(left);
  }

  /** The least of one goal and, of those, the least of the other. */
  #endOf(which: 'first' | 'second'): Point | null {
    const {limits} = this.#question;
    const least = which === 'first' ? this.#leastFirst(limits) : this.#leastSecond(limits);
    if (least.best === null) return null;
    const within = [...limits, ...this.#limitOf(which, least.best.amount)];
    const best = which === 'first' ? this.#leastSecond(within) : this.#leastFirst(within);
    for (const answer of [least, best])
      if (answer.best === null || answer.bound < answer.best.amount) this.#areEndsProven = false;
    return this.#pointOf(best.best ?? least.best, true);
  }

  /** Hull before inside, and the largest first. */
  #takeNext(): Box | undefined {
    const areaOf = ({left, right, stage}: Box): number =>
      (stage === 'hull' ? 1e9 : 1) *
      (right.amounts[0] - left.amounts[0]) *
      (left.amounts[1] - right.amounts[1]);
    let at = 0;
    this.#open.forEach((box, index) => {
      if (areaOf(box) > areaOf(this.#open[at] as Box)) at = index;
    });
    return this.#open.splice(at, 1)[0];
  }

  /** Divides a box at what is found in it; where nothing is, what that proves is kept. */
  #searchBox(box: Box): void {
    if (this.#second.kind === 'busiest') this.#searchRate(box);
    else if (box.stage === 'hull') this.#searchHull(box, this.#second.measure);
    else this.#searchInside(box, this.#second.measure);
  }

  #searchHull(box: Box, second: Measure): void {
    const {left, right} = box;
    const {limits} = this.#question;
    const weights = this.#weightsOf(box, second, limits.length === 0 ? LARGEST_SUM : LARGEST_LIMITED_SUM);
    const {best, bound} = this.#search(this.#weigh(weights, second), limits);
    const heightOf = ({amounts}: Point): number => amounts[0] * weights[0] + amounts[1] * weights[1];
    const line = Math.min(heightOf(left), heightOf(right));
    if (best !== null && best.amount < line) {
      this.#divide(box, this.#pointOf(best, bound === best.amount));
      return;
    }
    this.#prove(box, bound >= line ? 'hull' : 'nothing');
    this.#open.push({...box, stage: 'inside'});
  }

  #searchInside(box: Box, second: Measure): void {
    const {left, right} = box;
    const weights = this.#weightsOf(box, second, LARGEST_LIMITED_SUM);
    const {best, isExhausted} = this.#search(this.#weigh(weights, second), [
      ...this.#question.limits,
      ...this.#limitOf('first', right.amounts[0] - 1),
      ...this.#limitOf('second', left.amounts[1] - 1),
    ]);
    if (best !== null) this.#divide(box, this.#pointOf(best, false));
    else if (isExhausted) this.#prove(box, 'all');
  }

  /** The busiest stage does not add up: its limit is halved until nothing is left below the left point. */
  #searchRate(box: Box): void {
    const {left, right, least} = box;
    const middle = Math.floor((least + left.amounts[1] - 1) / 2);
    const {best, isExhausted} = this.#search(this.#first, [
      ...this.#question.limits,
      ...this.#limitOf('first', right.amounts[0] - 1),
      ...this.#limitOf('second', middle),
    ]);
    if (best !== null) this.#divide(box, this.#pointOf(best, false));
    else if (isExhausted && middle >= left.amounts[1] - 1) this.#prove(box, 'all');
    else if (isExhausted) this.#open.push({...box, least: middle + 1});
  }

  #divide(box: Box, point: Point): void {
    const {left, right, least} = box;
    const proof = this.#stretches.get(left)?.proof ?? 'nothing';
    this.#stretches.set(left, {next: point, proof});
    this.#stretches.set(point, {next: right, proof});
    this.#open.push({...box, right: point, least: Math.max(least, point.amounts[1])}, {...box, left: point});
  }

  #prove({left, right}: Box, proof: StretchProof): void {
    this.#stretches.set(left, {next: right, proof});
  }

  #weigh([first, second]: readonly [number, number], measure: Measure): Measure {
    return weighMeasures([
      {measure: this.#first, weight: first},
      {measure, weight: second},
    ]);
  }

  #search(objective: Measure, limits: readonly Limit[]): GoalAnswer {
    const {space} = this.#question;
    const mostCuts = Math.max(1, Math.min(defaultCuts(space), this.#cutsLeft));
    return this.#count(searchGoal({space, objective, limits, mostCuts}));
  }

  #leastFirst(limits: readonly Limit[]): GoalAnswer {
    return this.#search(this.#first, limits);
  }

  #leastSecond(limits: readonly Limit[]): GoalAnswer {
    if (this.#second.kind === 'sum') return this.#search(this.#second.measure, limits);
    const {space, latency, requestOverheadNs} = this.#question;
    return this.#count(leastBusyPlacement({space, latency, requestOverheadNs, limits}));
  }

  #count(answer: GoalAnswer): GoalAnswer {
    this.#cutsLeft -= answer.cuts;
    return answer;
  }

  #limitOf(which: 'first' | 'second', most: number): Limit[] {
    if (which === 'first') return [{name: 'first', measure: this.#first, most}];
    const second = this.#second;
    if (second.kind === 'sum') return [{name: 'second', measure: second.measure, most}];
    return limitsOfStages(this.#stages, most);
  }

  #pointOf({tiers, crossings}: SpacePlacement, isSupported: boolean): Point {
    const {space} = this.#question;
    const placement = {tiers, crossings};
    const second = this.#second;
    const amount =
      second.kind === 'sum'
        ? amountOf(space, second.measure, placement)
        : busiestNs(space, this.#stages, placement);
    return {...placement, amounts: [amountOf(space, this.#first, placement), amount], isSupported};
  }

  /** Whole, across the line between both points, or as near to that as sums allow. */
  #weightsOf({left, right}: Box, second: Measure, largestSum: number): readonly [number, number] {
    const [first, other] = [left.amounts[1] - right.amounts[1], right.amounts[0] - left.amounts[0]];
    const sum = first * (mostOf(this.#first) + 1) + other * (mostOf(second) + 1);
    const factor = Math.min(1, largestSum / sum);
    return [Math.max(1, Math.floor(first * factor)), Math.max(1, Math.floor(other * factor))];
  }

  /**
   * The points along the stretches, without those that a search which ended early found though others are better. What is
   * known of a stretch over such points is the least that is known of its parts.
   */
  #frontFrom(first: Point): ParetoFront {
    const chain: {point: Point; proof: StretchProof}[] = [];
    for (let point: Point | undefined = first; point !== undefined;) {
      const stretch = this.#stretches.get(point);
      chain.push({point, proof: stretch?.proof ?? 'all'});
      point = stretch?.next;
    }
    const kept: {point: Point; toNext: StretchProof}[] = [];
    for (const {point, proof} of chain) {
      const isBeaten = chain.some(
        ({point: other}) =>
          (other.amounts[0] < point.amounts[0] && other.amounts[1] <= point.amounts[1]) ||
          (other.amounts[0] === point.amounts[0] && other.amounts[1] < point.amounts[1]),
      );
      const last = kept.at(-1);
      if (!isBeaten) kept.push({point, toNext: proof});
      else if (last !== undefined) last.toNext = weaker(last.toNext, proof);
    }
    const isComplete = this.#areEndsProven && kept.every(({toNext}) => toNext === 'all');
    const points = kept.map(({point, toNext}): FrontPoint => ({...point, toNext}));
    if (!isComplete) return {points, isComplete};
    const hull = hullOf(points);
    return {points: points.map(point => ({...point, isSupported: hull.has(point)})), isComplete};
  }
}

function weaker(one: StretchProof, other: StretchProof): StretchProof {
  const order: readonly StretchProof[] = ['nothing', 'hull', 'all'];
  return order[Math.min(order.indexOf(one), order.indexOf(other))] as StretchProof;
}

function turnAround({points, isComplete}: ParetoFront): ParetoFront {
  const turned = [...points].reverse();
  return {
    points: turned.map((point, at) => ({
      ...point,
      amounts: [point.amounts[1], point.amounts[0]],
      // What is known of a stretch was kept with its other end.
      toNext: turned[at + 1]?.toNext ?? 'all',
    })),
    isComplete,
  };
}
