import {costAt} from '../envelope/lowerEnvelope.ts';
import {BLUR, endOf, highestAt} from './risingEnvelope.ts';
import type {LimitedCost, RisingEnvelope, RisingPiece} from './risingEnvelope.ts';

/** More pieces than a reader looks at or a device wants to keep; then some are left out that gain little. */
const MOST_PIECES = 100;
const TOLERANCES = [0, 1e-4, 1e-3] as const;
const COARSEST = 0.01;

/**
 * The least of the costs at every x in [from, to] where all solutions are known: exactly, or, where that has very many pieces,
 * as near as it says.
 * @param costs of equal ones the first is taken
 */
export function sweepEnvelope<Cost extends LimitedCost>(
  costs: readonly Cost[],
  from: number,
  to: number,
): RisingEnvelope<Cost> {
  for (const offBy of TOLERANCES) {
    const pieces = sweep(costs, from, to, offBy, MOST_PIECES);
    if (pieces !== null) return {pieces, offBy};
  }
  return {pieces: sweep(costs, from, to, COARSEST, Infinity) ?? [], offBy: COARSEST};
}

/**
 * From where one is the least, on to the first x where another falls below it by that share or it is no longer allowed.
 * `null`: there are more pieces.
 */
function sweep<Cost extends LimitedCost>(
  costs: readonly Cost[],
  from: number,
  to: number,
  tolerance: number,
  mostPieces: number,
): RisingPiece<Cost>[] | null {
  let allowed = costs.map(cost => ({cost, end: endOf(cost)}));
  const pieces: RisingPiece<Cost>[] = [];
  for (let x = from; x < to;) {
    const blur = BLUR * Math.max(Math.abs(x), to - from);
    allowed = allowed.filter(({end}) => end > x + blur);
    const least = leastAbove(allowed, x);
    let next = Math.min(to, least?.end ?? to);
    const lines = least?.cost.lines.map(({atZero, slope}) => ({
      atZero: atZero * (1 - tolerance),
      slope: slope * (1 - tolerance),
    }));
    if (lines !== undefined)
      for (const {cost} of allowed) next = Math.min(next, firstBelow(cost, {lines}, x + blur, next));
    const last = pieces.at(-1);
    const cost = least?.cost ?? null;
    // What rounding alone tells apart is no piece.
    if (last !== undefined && (last.cost === cost || next - x <= 2 * blur))
      pieces[pieces.length - 1] = {...last, to: next};
    else if (pieces.push({from: x, to: next, cost}) > mostPieces) return null;
    x = next;
  }
  return pieces;
}

/** The least just above x: of equal ones that which rises least there. */
function leastAbove<Cost extends LimitedCost>(
  allowed: readonly {readonly cost: Cost; readonly end: number}[],
  x: number,
): {readonly cost: Cost; readonly end: number} | null {
  let least: {one: {readonly cost: Cost; readonly end: number}; height: number; slope: number} | null = null;
  for (const one of allowed) {
    const height = highestAt(one.cost, x);
    const room = BLUR * Math.abs(height);
    if (least !== null && height > least.height + room) continue;
    const slope = slopeAbove(one.cost, x, height - room);
    if (least === null || height < least.height - room || slope < least.slope) least = {one, height, slope};
  }
  return least?.one ?? null;
}

type Lines = Pick<LimitedCost, 'lines'>;

/** How steeply a cost rises where it leaves x. */
function slopeAbove({lines}: LimitedCost, x: number, height: number): number {
  let steepest = 0;
  for (const line of lines) if (costAt(line, x) >= height) steepest = Math.max(steepest, line.slope);
  return steepest;
}

/** The first x in [from, to) from which on one cost lies below another, or `to`. */
function firstBelow(one: Lines, other: Lines, from: number, to: number): number {
  let first = to;
  // Below the highest of lines is below any of them, and then all of its own lines have to be.
  for (const above of other.lines) {
    let [low, high] = [from, first];
    for (const {atZero, slope} of one.lines) {
      const [rise, room] = [slope - above.slope, above.atZero - atZero];
      if (rise > 0) high = Math.min(high, room / rise);
      else if (rise < 0) low = Math.max(low, room / rise);
      else if (room <= 0) high = -Infinity;
      if (low >= high) break;
    }
    if (low < high) first = low;
  }
  return first;
}
