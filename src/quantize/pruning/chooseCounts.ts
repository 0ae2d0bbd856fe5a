import type {CostModel} from './costModel.ts';

/** One group: how many channels it has, and what their loss costs the model's answers. */
export interface GroupChoice {
  readonly size: number;
  /** Error after n channels have gone, up to the most that may go. */
  readonly errors: readonly number[];
}

/**
 * How many channels of each group go so that at most `multiplyAdds` are left, for little error: step by step the group,
 * and the number of its channels, that adds the least error per multiply-add saved. What stays of a group is a multiple
 * of `multipleOf`, or all. More is left where no more may go.
 */
export function chooseCounts(
  groups: readonly GroupChoice[],
  costs: CostModel,
  {multiplyAdds, multipleOf}: {readonly multiplyAdds: number; readonly multipleOf: number},
): number[] {
  const counts = groups.map(() => 0);
  let cost = costs.multiplyAdds;
  while (cost > multiplyAdds) {
    let best: {group: number; count: number; cost: number; ratio: number} | null = null;
    for (const [group, {size, errors}] of groups.entries()) {
      const now = counts[group] as number;
      // Not the next step only: a dear one may lead to cheap ones.
      for (let kept = Math.floor((size - now - 1) / multipleOf) * multipleOf; kept > 0; kept -= multipleOf) {
        const count = size - kept;
        const error = errors[count];
        if (error === undefined) break;
        const costThen = costs.multiplyAddsWithout(counts.with(group, count));
        const saved = cost - costThen;
        if (saved <= 0) continue;
        const ratio = (error - (errors[now] as number)) / saved;
        if (best === null || ratio < best.ratio) best = {group, count, cost: costThen, ratio};
      }
    }
    if (best === null) break;
    counts[best.group] = best.count;
    cost = best.cost;
  }
  return counts;
}
