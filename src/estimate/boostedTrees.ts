/** A regression tree: a value, or a feature compared with a threshold; what is not above goes left. */
type Tree =
  | {readonly kind: 'leaf'; readonly value: number}
  | {
      readonly kind: 'split';
      readonly feature: number;
      readonly threshold: number;
      readonly left: Tree;
      readonly right: Tree;
    };

export interface BoostingSettings {
  readonly trees: number;
  /** Share of each tree's answer that is taken. */
  readonly learningRate: number;
  readonly depth: number;
  /** Least summed weight of the rows on either side of a split. */
  readonly leafWeight: number;
}

/**
 * Gradient-boosted regression trees under squared loss: a function from features to the target. `rows[i]` are the features of
 * row i, all of one length; `weights` are positive. The same rows give the same function.
 * @see Friedman 2001, Greedy function approximation: a gradient boosting machine
 */
export function fitBoostedTrees(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  weights: readonly number[],
  settings: BoostingSettings,
): (features: readonly number[]) => number {
  const columns = Array.from({length: rows[0]?.length ?? 0}, (_, feature) =>
    columnOf(rows.map(row => row[feature] ?? 0)),
  );
  const residuals = Float64Array.from(targets);
  const sample = {columns, residuals, weights: Float64Array.from(weights)};
  const everyone = Int32Array.from(rows.keys());
  const trees: Tree[] = [];
  for (let round = 0; round < settings.trees; round++) {
    const tree = growTree(sample, everyone, settings, settings.depth);
    trees.push(tree);
    for (const [index, row] of rows.entries())
      residuals[index] = (residuals[index] ?? 0) - settings.learningRate * valueAt(tree, row);
  }
  return features => trees.reduce((sum, tree) => sum + settings.learningRate * valueAt(tree, features), 0);
}

/** A feature of all rows: between which values it may be split, and after how many of these each row lies. */
interface Column {
  readonly thresholds: readonly number[];
  readonly bins: Uint8Array;
}

interface Sample {
  readonly columns: readonly Column[];
  readonly residuals: Float64Array;
  readonly weights: Float64Array;
}

const MOST_THRESHOLDS = 63;

function columnOf(values: readonly number[]): Column {
  const distinct = [...new Set(values)].sort((left, right) => left - right);
  const between = distinct.slice(1).map((value, place) => (value + (distinct[place] ?? value)) / 2);
  const count = Math.min(between.length, MOST_THRESHOLDS);
  const thresholds = Array.from(
    {length: count},
    (_, place) => between[Math.floor(((place + 0.5) * between.length) / count)] ?? 0,
  );
  return {
    thresholds,
    bins: Uint8Array.from(values, value => thresholds.filter(threshold => value > threshold).length),
  };
}

function valueAt(tree: Tree, row: readonly number[]): number {
  let node = tree;
  while (node.kind === 'split') node = (row[node.feature] ?? 0) > node.threshold ? node.right : node.left;
  return node.value;
}

function growTree(sample: Sample, members: Int32Array, settings: BoostingSettings, depth: number): Tree {
  const {total, weight} = sumOf(sample, members);
  const split = depth === 0 ? null : bestSplit(sample, members, {total, weight}, settings.leafWeight);
  if (split === null) return {kind: 'leaf', value: weight === 0 ? 0 : total / weight};
  const {feature, place} = split;
  const {bins, thresholds} = sample.columns[feature] ?? {bins: new Uint8Array(), thresholds: []};
  const isRight = (index: number): boolean => (bins[index] ?? 0) > place;
  return {
    kind: 'split',
    feature,
    threshold: thresholds[place] ?? 0,
    left: growTree(
      sample,
      members.filter(index => !isRight(index)),
      settings,
      depth - 1,
    ),
    right: growTree(sample, members.filter(isRight), settings, depth - 1),
  };
}

/** The split after which the squared error is least; `null` when none makes it less. */
function bestSplit(
  {columns, residuals, weights}: Sample,
  members: Int32Array,
  {total, weight}: {total: number; weight: number},
  leafWeight: number,
): {feature: number; place: number} | null {
  let best: {feature: number; place: number; gain: number} | null = null;
  const totals = new Float64Array(MOST_THRESHOLDS + 1);
  const sums = new Float64Array(MOST_THRESHOLDS + 1);
  for (const [feature, {bins, thresholds}] of columns.entries()) {
    totals.fill(0);
    sums.fill(0);
    for (const index of members) {
      const bin = bins[index]!;
      totals[bin]! += weights[index]! * residuals[index]!;
      sums[bin]! += weights[index]!;
    }
    let leftTotal = 0;
    let leftWeight = 0;
    for (let place = 0; place < thresholds.length; place++) {
      leftTotal += totals[place]!;
      leftWeight += sums[place]!;
      if (leftWeight < leafWeight || weight - leftWeight < leafWeight) continue;
      const gain =
        leftTotal ** 2 / leftWeight + (total - leftTotal) ** 2 / (weight - leftWeight) - total ** 2 / weight;
      if (gain > (best?.gain ?? 1e-12)) best = {feature, place, gain};
    }
  }
  return best;
}

function sumOf({residuals, weights}: Sample, members: Int32Array): {total: number; weight: number} {
  let total = 0;
  let weight = 0;
  for (const index of members) {
    total += weights[index]! * residuals[index]!;
    weight += weights[index]!;
  }
  return {total, weight};
}
