import {costAt} from '../envelope/lowerEnvelope.ts';
import type {CostLine} from '../envelope/lowerEnvelope.ts';

/** What one solution costs over x: the highest of its lines, none of which falls; allowed up to where a limit is reached. */
export interface LimitedCost {
  readonly lines: readonly CostLine[];
  readonly limits: readonly {readonly line: CostLine; readonly most: number}[];
}

export interface RisingCost extends LimitedCost {
  /** Equal only for the same solution. */
  readonly key: string;
}

export interface RisingPiece<Cost extends LimitedCost> {
  readonly from: number;
  readonly to: number;
  /** `null`: nothing is allowed. */
  readonly cost: Cost | null;
}

export interface RisingEnvelope<Cost extends LimitedCost> {
  /** Ascending in x, without gaps. */
  readonly pieces: readonly RisingPiece<Cost>[];
  /** By what share the least of all may lie below a piece anywhere; Infinity: not known. */
  readonly offBy: number;
}

export interface RisingQuestion<Cost extends RisingCost> {
  readonly from: number;
  readonly to: number;
  /** No cost is negative here; not above `from`. */
  readonly zero: number;
  /** Of what is allowed at `within`, the least at x, and what none lies below. */
  readonly solveAt: (x: number, within: number) => {readonly found: Cost | null; readonly bound: number};
  /** Preferred where others are as good. */
  readonly known: readonly Cost[];
  readonly mostSolves: number;
}

/** What rounding to whole units blurs. */
const ROUNDING = 1e-6;
/** Where a proof by lines does not reach, intervals are halved until they are known this well. */
const CLOSE_ENOUGH = 0.01;
const LEAST_GAIN = 1e-9;
/** Of doubles that are the same number, worked out in two ways. */
export const BLUR = 1e-12;
/** Limits are looked at just above a value, where what ends there is no longer allowed. */
const JUST_ABOVE = 1e-9;
const NARROWEST = 1e-5;

/**
 * The least of all solutions at every x in [from, to], each the highest of rising lines and allowed up to some x. What is
 * allowed at an interval's begin holds all that is allowed within it; the least of single lines is concave and bounded by its
 * ends; the least of any rising costs bounded by its begin and, from `zero` on, by a straight line to its end.
 */
export function findRisingEnvelope<Cost extends RisingCost>(
  question: RisingQuestion<Cost>,
): RisingEnvelope<Cost> {
  const {from, to, mostSolves} = question;
  const known = [...question.known];
  const keys = new Set(known.map(({key}) => key));
  const answers = new Map<string, {readonly found: Cost | null; readonly bound: number}>();
  const hasLimits = known.some(({limits}) => limits.length > 0);
  const ask = (x: number, within: number): {readonly found: Cost | null; readonly bound: number} | null => {
    const key = hasLimits ? `${x} ${within}` : `${x}`;
    const before = answers.get(key);
    if (before !== undefined || answers.size >= mostSolves) return before ?? null;
    const answer = question.solveAt(x, within);
    answers.set(key, answer);
    return answer;
  };
  for (;;) {
    const intervals = intervalsOf(known, from, to);
    const open = intervals.toReversed();
    let offBy = 0;
    let better: Cost[] = [];
    for (let part = open.pop(); part !== undefined && better.length === 0; part = open.pop()) {
      const {from: left, to: right, cost} = part;
      const within = hasLimits ? left + Math.max(Math.abs(left), right - left) * JUST_ABOVE : left;
      const [atLeft, atRight] = [ask(left, within), ask(right, within)];
      const isBetter = (found: Cost | null | undefined, x: number): found is Cost =>
        found !== null &&
        found !== undefined &&
        !keys.has(found.key) &&
        (cost === null || highestAt(found, x) < highestAt(cost, x) * (1 - LEAST_GAIN));
      better = [
        ...(isBetter(atLeft?.found, left) ? [atLeft.found] : []),
        ...(isBetter(atRight?.found, right) ? [atRight.found] : []),
      ];
      const [boundLeft, boundRight] = [atLeft?.bound ?? -Infinity, atRight?.bound ?? -Infinity];
      const gap = gapOf(cost, left, right, boundLeft, boundRight, question.zero);
      const isNarrow = right - left <= NARROWEST * Math.abs(right);
      if (gap > CLOSE_ENOUGH && canBeHalved(cost) && !isNarrow && answers.size < mostSolves) {
        const middle = left > 0 ? Math.sqrt(left * right) : left + (right - left) / 10;
        open.push({...part, from: middle}, {...part, to: middle});
      } else offBy = Math.max(offBy, gap);
    }
    for (const found of better) {
      if (!keys.has(found.key)) known.push(found);
      keys.add(found.key);
    }
    if (better.length === 0) return {pieces: joined(intervals), offBy: offBy <= ROUNDING ? 0 : offBy};
  }
}

export function highestAt({lines}: Pick<LimitedCost, 'lines'>, x: number): number {
  return Math.max(...lines.map(line => costAt(line, x)));
}

/** How far up it is allowed. */
export function endOf({limits}: LimitedCost): number {
  return limits.reduce(
    (end, {line: {atZero, slope}, most}) =>
      slope > 0 ? Math.min(end, (most - atZero) / slope) : atZero > most ? -Infinity : end,
    Infinity,
  );
}

/** A single line is bounded as well as can be, and nothing is known of nothing. */
function canBeHalved(cost: RisingCost | null): boolean {
  return cost !== null && cost.lines.length > 1;
}

/** By what share of it the least of all may lie below a cost that is a straight line from `left` to `right`. */
function gapOf(
  cost: RisingCost | null,
  left: number,
  right: number,
  boundLeft: number,
  boundRight: number,
  zero: number,
): number {
  if (cost === null) return boundLeft === Infinity ? 0 : Infinity;
  const [costLeft, costRight] = [highestAt(cost, left), highestAt(cost, right)];
  if (cost.lines.length === 1) return Math.max(excess(costLeft, boundLeft), excess(costRight, boundRight));
  const boundAt = (x: number): number =>
    Math.max(boundLeft, right > zero ? (boundRight * (x - zero)) / (right - zero) : boundRight);
  const meeting = zero + ((right - zero) * boundLeft) / boundRight;
  const points = [left, right, ...(meeting > left && meeting < right ? [meeting] : [])];
  return Math.max(...points.map(x => excess(highestAt(cost, x), boundAt(x))));
}

function excess(cost: number, bound: number): number {
  if (cost <= bound || cost === 0) return 0;
  return bound > 0 ? cost / bound - 1 : Infinity;
}

/** Between all places where lines cross or end, each with what is the least there. */
function intervalsOf<Cost extends RisingCost>(
  known: readonly Cost[],
  from: number,
  to: number,
): RisingPiece<Cost>[] {
  const lines = known.flatMap(cost => cost.lines);
  const places = new Set([from, to]);
  const add = (x: number): void => {
    if (x > from && x < to) places.add(x);
  };
  for (const cost of known) add(endOf(cost));
  lines.forEach((one, index) => {
    for (const other of lines.slice(index + 1))
      if (one.slope !== other.slope) add((other.atZero - one.atZero) / (one.slope - other.slope));
  });
  const sorted = [...places].sort((one, other) => one - other);
  const kept = sorted.filter(
    (x, at) => at === 0 || at === sorted.length - 1 || x - (sorted[at - 1] as number) > BLUR * Math.abs(x),
  );
  const ends = new Map(known.map(cost => [cost, endOf(cost)]));
  const pieces = kept.slice(1).map((right, at): RisingPiece<Cost> => {
    const left = kept[at] as number;
    const middle = (left + right) / 2;
    let least: Cost | null = null;
    for (const cost of known) {
      if ((ends.get(cost) as number) < middle) continue;
      if (least === null || highestAt(cost, middle) < highestAt(least, middle) * (1 - BLUR)) least = cost;
    }
    return {from: left, to: right, cost: least};
  });
  // Lines of what is nowhere the least divide nothing.
  return pieces.reduce<RisingPiece<Cost>[]>((merged, piece) => {
    const last = merged.at(-1);
    const isStraight =
      last !== undefined &&
      last.cost === piece.cost &&
      !known.some(cost => Math.abs((ends.get(cost) as number) - piece.from) <= BLUR * Math.abs(piece.from)) &&
      (piece.cost === null || steepestAt(piece.cost, last) === steepestAt(piece.cost, piece));
    return isStraight ? [...merged.slice(0, -1), {...last, to: piece.to}] : [...merged, piece];
  }, []);
}

/** Which of its lines a cost follows between two places where none cross. */
function steepestAt({lines}: RisingCost, {from, to}: {readonly from: number; readonly to: number}): number {
  const middle = (from + to) / 2;
  const costs = lines.map(line => costAt(line, middle));
  return costs.indexOf(Math.max(...costs));
}

function joined<Cost extends RisingCost>(intervals: readonly RisingPiece<Cost>[]): RisingPiece<Cost>[] {
  return intervals.reduce<RisingPiece<Cost>[]>((pieces, {from, to, cost}) => {
    const last = pieces.at(-1);
    return last?.cost === cost && last !== undefined
      ? [...pieces.slice(0, -1), {...last, to}]
      : [...pieces, {from, to, cost}];
  }, []);
}
