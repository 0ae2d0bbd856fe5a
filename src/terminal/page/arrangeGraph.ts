import {placeInOrder} from './placeInOrder.ts';

/** A node to be placed: bands lie one below the other, whatever the edges. */
export interface BandedNode {
  readonly band: number;
  readonly width: number;
}

export interface Arrangement {
  /** The row of each node, from 0 at the top. */
  readonly rows: readonly number[];
  /** The middle of each node, in pixels. */
  readonly xs: readonly number[];
  /** For each edge the middles that it goes through, one for each row from its first node's to its last. */
  readonly paths: readonly (readonly number[])[];
  readonly rowCount: number;
  readonly width: number;
}

const GAP = 24;
/** An edge that passes a row takes a place in it, too. */
const PASSING_WIDTH = 8;
/** What joins two layers directly is to be straight, rather than what passes them by. */
const DIRECT_WEIGHT = 2;
/** A little of it keeps blocks that lean to one side from walking away from the middle, one after the other. */
const MIDDLE_WEIGHT = 0.2;
/** Each sweep goes down and up once; more do not change the drawings of the shared models. */
const SWEEPS = 8;

interface Place {
  readonly row: number;
  readonly width: number;
  readonly above: number[];
  readonly below: number[];
}

/**
 * A layered drawing of a graph whose edges never go to an earlier band: rows by longest path, order within a row by
 * barycentres, then positions as near as the order allows to those of the neighbours.
 * @see Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", 1981
 */
export function arrangeGraph(
  nodes: readonly BandedNode[],
  edges: readonly (readonly [number, number])[],
): Arrangement {
  const rows = rowsByLongestPath(nodes, edges);
  const places: Place[] = nodes.map(({width}, index) => ({
    row: rows[index] ?? 0,
    width,
    above: [],
    below: [],
  }));
  const joinPlaces = (upper: number, lower: number): void => {
    places[upper]?.below.push(lower);
    places[lower]?.above.push(upper);
  };
  const chains = edges.map(([from, to]) => {
    const chain = [from];
    for (let row = (rows[from] ?? 0) + 1; row < (rows[to] ?? 0); row++) {
      const passing = places.push({row, width: PASSING_WIDTH, above: [], below: []}) - 1;
      joinPlaces(chain.at(-1) ?? from, passing);
      chain.push(passing);
    }
    joinPlaces(chain.at(-1) ?? from, to);
    return [...chain, to];
  });
  const rowCount = rows.reduce((most, row) => Math.max(most, row + 1), 0);
  const order = orderRows(places, rowCount);
  const xs = placeRows(places, order);
  const left = places.reduce(
    (least, {width}, index) => Math.min(least, (xs[index] ?? 0) - width / 2),
    Infinity,
  );
  const shifted = xs.map(x => x - left);
  return {
    rows,
    xs: shifted.slice(0, nodes.length),
    paths: chains.map(chain => chain.map(place => shifted[place] ?? 0)),
    rowCount,
    width: places.reduce((most, {width}, index) => Math.max(most, (shifted[index] ?? 0) + width / 2), 0),
  };
}

/** Nodes come in topological order. A node that nothing feeds stands right above the first that reads it. */
function rowsByLongestPath(
  nodes: readonly BandedNode[],
  edges: readonly (readonly [number, number])[],
): number[] {
  const readers = nodes.map((): number[] => []);
  const isFed = nodes.map(() => false);
  for (const [from, to] of edges) {
    readers[from]?.push(to);
    isFed[to] = true;
  }
  const local = nodes.map(() => 0);
  const inBand = (from: number): number[] =>
    (readers[from] ?? []).filter(to => nodes[to]?.band === nodes[from]?.band);
  nodes.forEach((_, from) => {
    for (const to of inBand(from)) local[to] = Math.max(local[to] ?? 0, (local[from] ?? 0) + 1);
  });
  nodes.forEach((_, from) => {
    const next = inBand(from).map(to => local[to] ?? 0);
    if (isFed[from] === false && next.length > 0) local[from] = Math.min(...next) - 1;
  });
  const heights = new Map<number, number>();
  nodes.forEach(({band}, index) =>
    heights.set(band, Math.max(heights.get(band) ?? 0, (local[index] ?? 0) + 1)),
  );
  const tops = new Map<number, number>();
  let top = 0;
  for (const band of [...heights.keys()].sort((left, right) => left - right)) {
    tops.set(band, top);
    top += heights.get(band) ?? 0;
  }
  return nodes.map(({band}, index) => (tops.get(band) ?? 0) + (local[index] ?? 0));
}

function orderRows(places: readonly Place[], rowCount: number): number[][] {
  const order = Array.from({length: rowCount}, (): number[] => []);
  places.forEach(({row}, index) => order[row]?.push(index));
  const position = places.map(() => 0);
  const number = (row: readonly number[]): void => row.forEach((place, at) => (position[place] = at));
  order.forEach(number);
  const sortRow = (row: number[], side: 'above' | 'below'): void => {
    const centre = new Map(
      row.map((place, at) => [
        place,
        meanOf((places[place]?.[side] ?? []).map(of => position[of] ?? 0)) ?? at,
      ]),
    );
    row.sort((left, right) => (centre.get(left) ?? 0) - (centre.get(right) ?? 0));
    number(row);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const row of order) sortRow(row, 'above');
    for (const row of order.toReversed()) sortRow(row, 'below');
  }
  for (const row of order) sortRow(row, 'above');
  return order;
}

function placeRows(places: readonly Place[], order: readonly (readonly number[])[]): number[] {
  const xs = places.map(() => 0);
  const place = (row: readonly number[], sides: readonly ('above' | 'below')[]): void => {
    const wanted = row.map(index => {
      const here = places[index];
      const neighbours = sides.flatMap(side => here?.[side] ?? []);
      return neighbours.length === 0 ? (xs[index] ?? 0) : weightedMean(neighbours, index);
    });
    const widths = row.map(index => places[index]?.width ?? 0);
    const distances = widths.slice(1).map((width, at) => (width + (widths[at] ?? 0)) / 2 + GAP);
    placeInOrder(wanted, widths, distances).forEach((x, at) => (xs[row[at] ?? 0] = x));
  };
  const weightedMean = (neighbours: readonly number[], index: number): number => {
    // The middle is at 0.
    let sum = 0;
    let weight = MIDDLE_WEIGHT;
    for (const other of neighbours) {
      const isDirect = places[other]?.width !== PASSING_WIDTH && places[index]?.width !== PASSING_WIDTH;
      const share = isDirect ? DIRECT_WEIGHT : 1;
      sum += share * (xs[other] ?? 0);
      weight += share;
    }
    return sum / weight;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const row of order) place(row, ['above']);
    for (const row of order.toReversed()) place(row, ['below']);
  }
  for (const row of order) place(row, ['above', 'below']);
  return xs;
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
