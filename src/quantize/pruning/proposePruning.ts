import type {Graph} from '../../model/graph.ts';
import {chooseCounts} from './chooseCounts.ts';
import {costModel} from './costModel.ts';
import {dependencyGroups} from './dependencyGroups.ts';
import {inexactLayers} from './inexactLayers.ts';
import type {CalibrationSamples} from './inputStatistics.ts';
import {orderGroups, type TooWideGroup} from './orderGroups.ts';
import {probeGroups} from './probeGroups.ts';
import {refitLayers} from './refitLayers.ts';
import {keptIndices, removeChannels} from './removeChannels.ts';

export interface PruningOptions {
  /** What the candidates are to save one after the other, as shares of the multiply-adds: rising, below 1. */
  readonly shares: readonly number[];
  /** Numbers of channels that stay are multiples of this: 8 for vector units, 16 for tensor cores. */
  readonly multipleOf: number;
  readonly onProgress?: (progress: PruningProgress) => void;
  /** Told once, before the first candidate. */
  readonly onTooWide?: (groups: readonly TooWideGroup[]) => void;
}

export interface PruningProgress {
  readonly stage: 'order channels' | 'probe groups' | 'fit layers';
  readonly done: number;
  readonly all: number;
}

export interface PrunedGroup {
  /** Layers that made the channels. */
  readonly layers: readonly string[];
  readonly channels: number;
  readonly removed: number;
}

export interface PruningCandidate {
  readonly graph: Graph;
  /** The same before the layers were fitted again. */
  readonly unfitted: Graph;
  /** Of the multiply-adds that are gone. */
  readonly savedShare: number;
  readonly groups: readonly PrunedGroup[];
}

/**
 * Smaller and smaller models, each made from the whole one: the least missed channels gone and the layers behind them
 * fitted again. Deterministic. Made one at a time as they are asked for, so that whoever holds them to an accuracy budget
 * can stop.
 */
export async function* proposePruning(
  graph: Graph,
  samples: CalibrationSamples,
  {shares, multipleOf, onProgress, onTooWide}: PruningOptions,
): AsyncGenerator<PruningCandidate> {
  const dependencies = dependencyGroups(graph);
  const {coupling, layers, groups} = dependencies;
  const costs = costModel(graph, dependencies);
  const report = (stage: PruningProgress['stage']) => (done: number, all: number) =>
    onProgress?.({stage, done, all});
  const {ordered, tooWide} = await orderGroups(
    graph,
    dependencies,
    samples,
    multipleOf,
    report('order channels'),
  );
  onTooWide?.(tooWide);
  const curves = await probeGroups(graph, dependencies, ordered, samples, report('probe groups'));
  const choices = groups.map(group => {
    const place = ordered.findIndex(one => one.group === group);
    return {size: group.channels.length, errors: curves[place] ?? [0]};
  });
  let before = groups.map(() => 0).join();
  for (const share of shares) {
    const counts = chooseCounts(choices, costs, {multiplyAdds: (1 - share) * costs.multiplyAdds, multipleOf});
    // Coarse multiples make neighbouring shares the same model.
    if (counts.join() === before) continue;
    before = counts.join();
    const removed = new Set(
      ordered.flatMap(({group, order}) => order.channels.slice(0, counts[groups.indexOf(group)])),
    );
    const unfitted = removeChannels(graph, coupling, removed);
    const keptAlong = keptIndices(coupling, removed);
    const fitted = await refitLayers({
      original: graph,
      pruned: unfitted,
      layers: inexactLayers(graph, layers, ({input, inputAxis}) => keptAlong(input, inputAxis) !== null),
      keptOutputs: ({output, outputAxis}) => keptAlong(output, outputAxis),
      samples,
      onLayer: report('fit layers'),
    });
    yield {
      graph: fitted.graph,
      unfitted,
      savedShare: 1 - costs.multiplyAddsWithout(counts) / costs.multiplyAdds,
      groups: groups.flatMap(({makers, channels}, index) => {
        const count = counts[index] ?? 0;
        return count > 0 ? [{layers: makers, channels: channels.length, removed: count}] : [];
      }),
    };
  }
}
