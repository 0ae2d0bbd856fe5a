/** What one assignment takes: per stage in nanoseconds, per limited tier the bytes above its limit (below 0: room). */
export interface MasterColumn {
  readonly stageNs: readonly number[];
  readonly overBytes: readonly number[];
}

export interface Multipliers {
  /** One per stage, not negative, 1 together. */
  readonly weights: readonly number[];
  /** Nanoseconds per byte, one per limited tier. */
  readonly prices: readonly number[];
  /** No multipliers make the cheapest of the columns dearer than this. */
  readonly valueNs: number;
}

/** Reduced costs above this share of the largest stage are taken for nothing. */
const TOLERANCE = 1e-11;
/** A degenerate program may go round in circles; what it has by then is good enough to go on with. */
const MOST_PIVOTS = 400;

/**
 * The multipliers under which the cheapest of some assignments is dearest, at most `highestPrice` per byte: the dual of
 * the cheapest mixture of them that keeps within every limit. Solved by the simplex method on a dense tableau.
 * @param columns at least one, all of the same lengths
 * @see Dantzig and Wolfe, "Decomposition principle for linear programs", Operations Research 8 (1960)
 */
export function solveMaster(columns: readonly MasterColumn[], highestPrice: number): Multipliers {
  const first = columns[0] as MasterColumn;
  const stages = first.stageNs.length;
  const limits = first.overBytes.length;
  // Times and bytes are scaled so that one tolerance serves both.
  const scaleNs = Math.max(1, ...columns.flatMap(({stageNs}) => stageNs));
  const scaleBytes = Math.max(1, ...columns.flatMap(({overBytes}) => overBytes.map(Math.abs)));
  const rows = stages + limits + 1;
  // Columns: slack of each stage and limit, the busiest stage, bytes bought beyond each limit, the assignments, the right side.
  const busiest = rows - 1;
  const bought = busiest + 1;
  const mixture = bought + limits;
  const width = mixture + columns.length + 1;
  const tableau = Array.from({length: rows + 1}, () => new Float64Array(width));
  const at = (row: number): Float64Array => tableau[row] as Float64Array;
  for (let row = 0; row < rows - 1; row++) {
    at(row)[row] = 1;
    if (row < stages) at(row)[busiest] = -1;
    else at(row)[bought + row - stages] = -1;
    columns.forEach(({stageNs, overBytes}, column) => {
      at(row)[mixture + column] =
        row < stages ? (stageNs[row] as number) / scaleNs : (overBytes[row - stages] as number) / scaleBytes;
    });
  }
  at(rows - 1).fill(1, mixture);
  at(rows)[busiest] = 1;
  at(rows).fill((highestPrice * scaleBytes) / scaleNs, bought, mixture);

  const pivot = (row: number, column: number): void => {
    const pivotRow = at(row);
    const factor = pivotRow[column] as number;
    for (let index = 0; index < width; index++) pivotRow[index] = (pivotRow[index] as number) / factor;
    tableau.forEach((other, index) => {
      const share = other[column] as number;
      if (index === row || share === 0) return;
      for (let each = 0; each < width; each++)
        other[each] = (other[each] as number) - share * (pivotRow[each] as number);
    });
  };
  // The first assignment alone, with its busiest stage and the bytes it lacks, is where the simplex method begins.
  pivot(rows - 1, mixture);
  pivot(first.stageNs.indexOf(Math.max(...first.stageNs)), busiest);
  first.overBytes.forEach((over, limit) => {
    if (over > 0) pivot(stages + limit, bought + limit);
  });
  for (let pivots = 0; pivots < MOST_PIVOTS; pivots++) {
    const column = enteringColumn(at(rows), pivots > MOST_PIVOTS / 2);
    if (column === -1) break;
    let row = -1;
    let least = Infinity;
    for (let each = 0; each < rows; each++) {
      const entry = at(each)[column] as number;
      if (entry <= TOLERANCE) continue;
      const ratio = (at(each)[width - 1] as number) / entry;
      if (ratio >= least) continue;
      least = ratio;
      row = each;
    }
    if (row === -1) break;
    pivot(row, column);
  }
  const slackCosts = [...at(rows).subarray(0, rows - 1)].map(cost => Math.max(0, cost));
  const sum = slackCosts.slice(0, stages).reduce((total, cost) => total + cost, 0);
  return {
    weights: slackCosts.slice(0, stages).map(cost => cost / sum),
    prices: slackCosts.slice(stages).map(cost => (cost * scaleNs) / scaleBytes),
    valueNs: -(at(rows)[width - 1] as number) * scaleNs,
  };
}

/** The most promising column or, so that the method ends, the first that promises anything (Bland); -1 when none does. */
function enteringColumn(costs: Float64Array, isFirst: boolean): number {
  let best = -1;
  for (let column = 0; column < costs.length - 1; column++) {
    const cost = costs[column] as number;
    if (cost >= -TOLERANCE || (best !== -1 && cost >= (costs[best] as number))) continue;
    best = column;
    if (isFirst) return best;
  }
  return best;
}
