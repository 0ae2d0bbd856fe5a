import {describe, expect, it} from 'vitest';
import {layerCosts} from '../../../../src/model/layerCosts.ts';
import {chooseCounts} from '../../../../src/quantize/pruning/chooseCounts.ts';
import {costModel} from '../../../../src/quantize/pruning/costModel.ts';
import {dependencyGroups} from '../../../../src/quantize/pruning/dependencyGroups.ts';
import {removeChannels} from '../../../../src/quantize/pruning/removeChannels.ts';
import {randomNetwork} from './randomNetwork.ts';
import {startNumbers} from './networks.ts';

/** Groups of 16 channels, of which each saves as many multiply-adds as `each` says. */
function groupsOf(each: readonly number[], errorsOf: (group: number, count: number) => number) {
  const groups = each.map((_, group) => ({
    size: 16,
    errors: Array.from({length: 16}, (__, count) => errorsOf(group, count)),
  }));
  const multiplyAdds = each.reduce((sum, cost) => sum + 16 * cost, 0);
  const multiplyAddsWithout = (removed: readonly number[]): number =>
    multiplyAdds - removed.reduce((sum, count, group) => sum + count * (each[group] ?? 0), 0);
  return {groups, costs: {multiplyAdds, multiplyAddsWithout}};
}

describe('choosing how many channels go', () => {
  it('takes them where they save most for the error they bring', () => {
    const {groups, costs} = groupsOf([10, 1], (_, count) => count);
    expect(chooseCounts(groups, costs, {multiplyAdds: 100, multipleOf: 4})).toEqual([8, 0]);
  });

  it('looks beyond a dear step at the cheap ones behind it', () => {
    const {groups, costs} = groupsOf([1, 1], (group, count) =>
      group === 0 ? (count === 0 ? 0 : 5) : count * 1.5,
    );
    expect(chooseCounts(groups, costs, {multiplyAdds: 20, multipleOf: 4})).toEqual([12, 0]);
  });

  it('keeps at least one multiple of every group, however much is asked for', () => {
    const {groups, costs} = groupsOf([1, 1], () => 0);
    expect(chooseCounts(groups, costs, {multiplyAdds: 0, multipleOf: 8})).toEqual([8, 8]);
  });

  it('the predicted multiply-adds are those of the pruned model', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const next = startNumbers(seed);
      const graph = randomNetwork(
        Array.from({length: 40}, () => Math.floor((next() + 1) * 500)),
        seed,
      );
      const dependencies = dependencyGroups(graph);
      const counts = dependencies.groups.map(({channels}) =>
        Math.floor(((next() + 1) / 2) * (channels.length - 1)),
      );
      const removed = new Set(dependencies.groups.flatMap(({channels}, at) => channels.slice(0, counts[at])));
      const costs = costModel(graph, dependencies);
      const pruned = removeChannels(graph, dependencies.coupling, removed);
      expect(costs.multiplyAdds).toBeCloseTo(layerCosts(graph).totals.multiplyAdds, 3);
      expect(costs.multiplyAddsWithout(counts)).toBeCloseTo(layerCosts(pruned).totals.multiplyAdds, 3);
    }
  });
});
