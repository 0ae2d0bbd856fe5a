/** The cost of one solution as a function of x: `atZero + slope * x`. */
export interface CostLine {
  readonly atZero: number;
  readonly slope: number;
}

export interface EnvelopePiece<Line extends CostLine> {
  readonly from: number;
  readonly to: number;
  readonly line: Line;
}

export interface LowerEnvelope<Line extends CostLine> {
  /** Ascending in x, without gaps, from the first value to the last. */
  readonly pieces: readonly EnvelopePiece<Line>[];
  readonly solves: number;
}

/** What the sums and products of an evaluated line lose in doubles, with room: a few units in the last place. */
const RELATIVE_ROUNDING = 2 ** -46;

/**
 * All breakpoints of the best cost over [from, to], where every solution's cost is a line in x and `solveAt` gives the
 * best solution's line at one x: each solve finds a new line or proves a breakpoint, so k pieces take at most 2k + 1
 * solves. Among equal lines those in `known` come first.
 * @see M. J. Eisner and D. G. Severance, "Mathematical techniques for efficient record segmentation in large shared
 * databases", J. ACM 23 (1976)
 */
export function findLowerEnvelope<Line extends CostLine>(
  from: number,
  to: number,
  solveAt: (x: number) => Line,
  known: readonly Line[] = [],
): LowerEnvelope<Line> {
  return refineEnvelope(from, to, solveAt, known, () => true);
}

/** The same, but only the nearest breakpoints on both sides of x are proven; the others are where no solve has looked. */
export function findEnvelopeAround<Line extends CostLine>(
  x: number,
  from: number,
  to: number,
  solveAt: (x: number) => Line,
  known: readonly Line[] = [],
): LowerEnvelope<Line> {
  return refineEnvelope(from, to, solveAt, known, (left, right) => left.from <= x && x <= right.to);
}

function refineEnvelope<Line extends CostLine>(
  from: number,
  to: number,
  solveAt: (x: number) => Line,
  known: readonly Line[],
  isWanted: (left: EnvelopePiece<Line>, right: EnvelopePiece<Line>) => boolean,
): LowerEnvelope<Line> {
  const lines = [...known];
  for (const end of [from, to]) {
    const line = solveAt(end);
    if (lines.every(other => isBelow(line, other, end))) lines.push(line);
  }
  const proven = new Map<Line, Set<Line>>();
  for (let solves = 2; ; solves++) {
    const pieces = lowerPieces(lines, from, to);
    const open = pieces.findIndex((left, index) => {
      const right = pieces[index + 1];
      return right !== undefined && isWanted(left, right) && proven.get(left.line)?.has(right.line) !== true;
    });
    const [left, right] = [pieces[open], pieces[open + 1]];
    if (left === undefined || right === undefined) return {pieces, solves};
    const line = solveAt(left.to);
    if (isBelow(line, left.line, left.to)) lines.push(line);
    else proven.set(left.line, (proven.get(left.line) ?? new Set()).add(right.line));
  }
}

export function costAt({atZero, slope}: CostLine, x: number): number {
  return atZero + slope * x;
}

/** Whether `line` costs less than `other` at x by more than doubles can blur. */
export function isBelow(line: CostLine, other: CostLine, x: number): boolean {
  const cost = costAt(other, x);
  return costAt(line, x) < cost - RELATIVE_ROUNDING * Math.abs(cost);
}

/** The least of the lines at each x: from the lowest at `from`, always on to the line that crosses first. */
function lowerPieces<Line extends CostLine>(
  lines: readonly Line[],
  from: number,
  to: number,
): EnvelopePiece<Line>[] {
  const pieces: EnvelopePiece<Line>[] = [];
  let line = flattestOfLowest(lines, from);
  let start = from;
  for (;;) {
    let end = to;
    let next: Line | null = null;
    for (const other of lines) {
      if (other.slope >= line.slope) continue;
      const crossing = Math.max(start, (other.atZero - line.atZero) / (line.slope - other.slope));
      if (crossing > end || crossing >= to) continue;
      // Of lines that cross at one point the flattest is the lowest beyond it.
      if (crossing < end || (next !== null && other.slope < next.slope)) [end, next] = [crossing, other];
    }
    if (end > start || next === null) pieces.push({from: start, to: end, line});
    if (next === null) return pieces;
    [line, start] = [next, end];
  }
}

function flattestOfLowest<Line extends CostLine>(lines: readonly Line[], x: number): Line {
  return lines.reduce((best, line) => {
    const difference = costAt(line, x) - costAt(best, x);
    return difference < 0 || (difference === 0 && line.slope < best.slope) ? line : best;
  });
}
