import type {Graph} from '../../model/graph.ts';
import {multiplyAddsOf} from '../../model/multiplyAdds.ts';
import type {DependencyGroups} from './dependencyGroups.ts';

export interface CostModel {
  readonly multiplyAdds: number;
  /** What is left of them when so many channels of each group have gone; groups by their index. */
  multiplyAddsWithout(removed: readonly number[]): number;
}

/** The share of an axis that one channel of a group is, for the groups that lie along it. */
type AxisShares = readonly {readonly group: number; readonly share: number}[];

/** Multiply-adds of the weighted layers, exactly. */
export function costModel(
  graph: Graph,
  {coupling, layers, groups}: Pick<DependencyGroups, 'coupling' | 'layers' | 'groups'>,
): CostModel {
  const groupOf = new Map(
    groups.flatMap(({channels}, group) => channels.map(channel => [channel, group] as const)),
  );
  const sharesAlong = (tensor: string, axis: number): AxisShares => {
    if (coupling.shapeOf(tensor) === undefined) return [];
    const classes = coupling.classes(tensor, axis);
    const counts = new Map<number, number>();
    for (const channel of classes) {
      const group = groupOf.get(channel);
      if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    // The channels of a group lie along the same axes equally often: that is what makes them a group.
    return [...counts].map(([group, count]) => ({
      group,
      share: count / (groups[group]?.channels.length ?? 1) / classes.length,
    }));
  };
  const weighted = new Map(layers.map(layer => [layer.layer, layer]));
  const costs = graph.layers.flatMap(layer => {
    const own = weighted.get(layer.name);
    const base = multiplyAddsOf(graph, layer) ?? 0;
    if (base === 0 || own === undefined) return [];
    const axes: AxisShares[] = [
      sharesAlong(own.output, own.outputAxis),
      ...(own.isChannelwise ? [] : [sharesAlong(own.input, own.inputAxis)]),
    ];
    return [{base, axes}];
  });
  const multiplyAddsWithout = (removed: readonly number[]): number =>
    costs.reduce((sum, {base, axes}) => {
      const left = axes.map(shares =>
        shares.reduce((rest, {group, share}) => rest - share * (removed[group] ?? 0), 1),
      );
      return sum + left.reduce((product, share) => product * share, base);
    }, 0);
  return {multiplyAdds: multiplyAddsWithout([]), multiplyAddsWithout};
}
