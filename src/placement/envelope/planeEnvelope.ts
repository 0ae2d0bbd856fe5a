/** The cost of one solution over two quantities: `atZero + u · x + v · y`. */
export interface CostPlane {
  readonly atZero: number;
  readonly u: number;
  readonly v: number;
}

export interface Rectangle {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

export interface PlaneEnvelope<Plane extends CostPlane> {
  /** Those that are the lowest somewhere, and what was known before. */
  readonly planes: readonly Plane[];
  /** Nothing is below them anywhere in the rectangle. False where `mostSolves` did not suffice to know. */
  readonly isComplete: boolean;
}

/** What is lost where three planes nearly lie in a line, and in the unit that cuts are rounded to. */
const RELATIVE_ROUNDING = 1e-9;
/** Corners are where any three of them meet: of many planes there are too many to look at. */
const MOST_PLANES = 40;

interface Corner {
  /** Of the planes, and of the rectangle's sides, that meet there. */
  readonly key: string;
  readonly x: number;
  readonly y: number;
}

/**
 * All planes of the lower envelope over a rectangle, where `solveAt` gives the lowest at one point. The lowest of all planes
 * is concave, and what is known is a plane over each of its facets: where nothing is below it at the corners of all facets,
 * nothing is below it anywhere.
 */
export function findPlaneEnvelope<Plane extends CostPlane>(
  rectangle: Rectangle,
  solveAt: (x: number, y: number) => Plane,
  known: readonly Plane[],
  mostSolves: number,
): PlaneEnvelope<Plane> {
  const planes = [...known];
  const proven = new Set<string>();
  let solves = 0;
  for (;;) {
    const open = cornersOf(planes, rectangle).filter(({key}) => !proven.has(key));
    if (open.length === 0) return {planes, isComplete: true};
    for (const {key, x, y} of open) {
      if (solves >= mostSolves || planes.length > MOST_PLANES) return {planes, isComplete: false};
      solves += 1;
      const found = solveAt(x, y);
      proven.add(key);
      if (!isBelowAll(found, planes, x, y)) continue;
      planes.push(found);
      // The corners have moved.
      break;
    }
  }
}

export function planeAt({atZero, u, v}: CostPlane, x: number, y: number): number {
  return atZero + u * x + v * y;
}

function isBelowAll(found: CostPlane, planes: readonly CostPlane[], x: number, y: number): boolean {
  const lowest = Math.min(...planes.map(plane => planeAt(plane, x, y)));
  return planeAt(found, x, y) < lowest - RELATIVE_ROUNDING * Math.abs(lowest);
}

/** Where facets meet one another and the rectangle's sides, and its own corners. */
function cornersOf(planes: readonly CostPlane[], {x: [left, right], y: [low, high]}: Rectangle): Corner[] {
  const found: Corner[] = [];
  const addIfLowest = (key: string, x: number, y: number, [one]: readonly CostPlane[]): void => {
    if (!(x >= left && x <= right && y >= low && y <= high)) return;
    const lowest = Math.min(...planes.map(plane => planeAt(plane, x, y)));
    if (one === undefined || planeAt(one, x, y) <= lowest + RELATIVE_ROUNDING * Math.abs(lowest))
      found.push({key, x, y});
  };
  for (const x of [left, right]) for (const y of [low, high]) addIfLowest(`${x} ${y}`, x, y, []);
  planes.forEach((a, i) => {
    planes.slice(i + 1).forEach((b, offset) => {
      const j = i + 1 + offset;
      const [u, v, c] = [a.u - b.u, a.v - b.v, b.atZero - a.atZero];
      if (v !== 0) for (const x of [left, right]) addIfLowest(`${i} ${j} x${x}`, x, (c - u * x) / v, [a]);
      if (u !== 0) for (const y of [low, high]) addIfLowest(`${i} ${j} y${y}`, (c - v * y) / u, y, [a]);
      planes.slice(j + 1).forEach((third, more) => {
        const [u2, v2, c2] = [a.u - third.u, a.v - third.v, third.atZero - a.atZero];
        const determinant = u * v2 - u2 * v;
        if (determinant === 0) return;
        const [x, y] = [(c * v2 - c2 * v) / determinant, (u * c2 - u2 * c) / determinant];
        addIfLowest(`${i} ${j} ${j + 1 + more}`, x, y, [a]);
      });
    });
  });
  return found;
}
