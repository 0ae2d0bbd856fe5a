/**
 * Positions as near as possible to those wanted (least weighted squares) that keep their order and distances:
 * `distances[i]` is the least between positions i and i + 1. Exact, by pooling neighbours that would come too near.
 * @see Ayer, Brunk, Ewing, Reid and Silverman, "An empirical distribution function for sampling with incomplete
 * information", 1955 (isotonic regression)
 */
export function placeInOrder(
  wanted: readonly number[],
  weights: readonly number[],
  distances: readonly number[],
): number[] {
  // Less the distances before it, a position only has to be no smaller than the one before.
  const offsets = [0];
  for (const distance of distances) offsets.push((offsets.at(-1) ?? 0) + distance);
  const pools: {mean: number; weight: number; count: number}[] = [];
  wanted.forEach((position, at) => {
    let pool = {mean: position - (offsets[at] ?? 0), weight: weights[at] ?? 1, count: 1};
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      pools.pop();
      const weight = last.weight + pool.weight;
      pool = {
        mean: (last.mean * last.weight + pool.mean * pool.weight) / weight,
        weight,
        count: last.count + pool.count,
      };
    }
    pools.push(pool);
  });
  return pools
    .flatMap(({mean, count}) => Array.from({length: count}, () => mean))
    .map((mean, at) => mean + (offsets[at] ?? 0));
}
