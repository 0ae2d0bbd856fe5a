import type {Graph} from '../../model/graph.ts';
import {layerGeometry} from '../correction/layerGeometry.ts';
import type {ChannelLayer} from './channelLayers.ts';
import {constantValues} from './constantValues.ts';
import type {DependencyGroup, DependencyGroups} from './dependencyGroups.ts';
import {eliminationOrder, type EliminationOrder} from './eliminationOrder.ts';
import {measureInputs, type CalibrationSamples} from './inputStatistics.ts';

/** Covariances that are held at a time: 2^25 float64 are 256 MiB. */
const MOST_COVARIANCES = 2 ** 25;
/** 3×3 over 256 channels: the elimination's work grows with the cube of the columns, and takes some ten seconds here. */
const WIDEST_READER = 2304;

export interface OrderedGroup {
  readonly group: DependencyGroup;
  readonly order: EliminationOrder;
  readonly readers: readonly ChannelLayer[];
}

/** Channels that all stay, because of what reads them. */
export interface TooWideGroup {
  /** Layers that make the channels. */
  readonly makers: readonly string[];
  /** The widest of the layers that read them. */
  readonly reader: string;
  readonly inputs: number;
}

export interface OrderedGroups {
  readonly ordered: readonly OrderedGroup[];
  readonly tooWide: readonly TooWideGroup[];
}

/**
 * The order in which the channels of each group would go. Left out are groups of at most `multipleOf` channels, and those
 * with a reader that is no plain matrix product (ConvTranspose, a scaled Gemm) or too wide for its statistics.
 */
export async function orderGroups(
  graph: Graph,
  {coupling, layers, groups}: DependencyGroups,
  samples: CalibrationSamples,
  multipleOf: number,
  onGroup: (done: number, all: number) => void,
): Promise<OrderedGroups> {
  const byName = new Map(layers.map(layer => [layer.layer, layer]));
  const constants = constantValues(graph.model);
  const tooWide: TooWideGroup[] = [];
  const possible = groups.flatMap(group => {
    const readers = group.readers.flatMap(name => byName.get(name) ?? []);
    const widths = readers.map(reader => layerGeometry(graph, reader)?.inputsPerGroup ?? Infinity);
    const widest = Math.max(...widths);
    if (group.channels.length <= multipleOf || !Number.isFinite(widest)) return [];
    const isPossible = widest <= WIDEST_READER;
    if (!isPossible) {
      const reader = readers[widths.indexOf(widest)]?.layer ?? '';
      tooWide.push({makers: group.makers, reader, inputs: widest});
    }
    return isPossible ? [{group, readers, size: widths.reduce((sum, width) => sum + width ** 2, 0)}] : [];
  });
  const ordered: OrderedGroup[] = [];
  let done = 0;
  for (let from = 0; from < possible.length;) {
    let to = from;
    for (let size = 0; to < possible.length; to += 1) {
      size += possible[to]?.size ?? 0;
      if (to > from && size > MOST_COVARIANCES) break;
    }
    const batch = possible.slice(from, to);
    const wanted = [...new Set(batch.flatMap(({readers}) => readers))];
    const statistics = await measureInputs(graph, wanted, samples);
    for (const {group, readers} of batch) {
      const measured = readers.flatMap(reader => {
        const found = statistics.get(reader.layer);
        const weights = constants.floats(reader.weight);
        return found && weights ? [{statistics: found, rows: found.geometry.rowsFromWeights(weights)}] : [];
      });
      const order = eliminationOrder(group, coupling, measured, group.channels.length - multipleOf);
      if (order !== null) ordered.push({group, order, readers});
      done += 1;
      onGroup(done, possible.length);
    }
    from = to;
  }
  return {ordered, tooWide};
}
