import type {Coupling} from './coupling.ts';
import type {DependencyGroup} from './dependencyGroups.ts';
import type {InputStatistics} from './inputStatistics.ts';
import {LeastSquaresElimination, outputEnergy} from './leastSquaresElimination.ts';

/** Held back as GPTQ holds back its weights (Frantar et al., arXiv 2210.17323, section 3.3). */
const DAMPING = 0.01;

/** Share of the readers' variance at which it is measured what the loss does to the answers, before it has run its course. */
const PROBED_ERROR = 0.1;

/** In which order a group's channels go, and what that costs. */
export interface EliminationOrder {
  /** The first goes first. */
  readonly channels: readonly number[];
  /**
   * After n channels have gone: the variance that the readers' outputs lose, each as a share of its own variance, summed
   * over the readers. Never falls.
   */
  readonly errors: readonly number[];
  /** What the readers are when the loss begins to matter, and when all that may have gone. */
  readonly probes: readonly EliminationProbe[];
}

export interface EliminationProbe {
  readonly count: number;
  readonly readers: ReadonlyMap<string, ReaderValues>;
}

export interface ReaderValues {
  /** Outputs×inputs, 0 where a channel has gone. */
  readonly rows: Float64Array;
  /** What keeps the mean of each output when it is added to the bias. */
  readonly biasSteps: Float64Array;
}

export interface GroupReader {
  readonly statistics: InputStatistics;
  /** Of the layer, outputs×inputs of all its groups. */
  readonly rows: Float32Array;
}

/**
 * Takes `most` channels out one by one, each time the one whose loss the readers' outputs suffer least from, after the
 * readers' other weights have made up for it as well as they can (least squares). `null` when the statistics hold no
 * numbers.
 */
export function eliminationOrder(
  group: DependencyGroup,
  coupling: Coupling,
  readers: readonly GroupReader[],
  most: number,
): EliminationOrder | null {
  const parts: EliminationPart[] = [];
  for (const reader of readers) {
    const started = startParts(reader, coupling);
    if (started === null) return null;
    parts.push(...started);
  }
  const left = new Set(group.channels);
  const channels: number[] = [];
  const errors = [0];
  const probes: EliminationProbe[] = [];
  while (channels.length < most) {
    let best: {channel: number; cost: number} | null = null;
    for (const channel of left) {
      let cost = 0;
      for (const {elimination, columnsOf, weight} of parts) {
        const columns = columnsOf.get(channel);
        if (columns !== undefined) cost += elimination.cost(columns) * weight;
      }
      if (best === null || cost < best.cost) best = {channel, cost};
    }
    if (best === null || !Number.isFinite(best.cost)) return null;
    for (const {elimination, columnsOf} of parts) {
      const columns = columnsOf.get(best.channel);
      if (columns !== undefined) elimination.remove(columns);
    }
    left.delete(best.channel);
    channels.push(best.channel);
    errors.push((errors.at(-1) ?? 0) + Math.max(0, best.cost));
    const error = (errors.at(-1) ?? 0) / readers.length;
    const isProbed = (probes.length === 0 && error >= PROBED_ERROR) || channels.length === most;
    if (isProbed) probes.push({count: channels.length, readers: readerValues(readers, parts)});
  }
  return {channels, errors, probes};
}

/** One group of one reader. */
interface EliminationPart {
  readonly layer: string;
  readonly elimination: LeastSquaresElimination;
  /** The reader's input columns that are a channel. */
  readonly columnsOf: ReadonlyMap<number, readonly number[]>;
  /** Turns a variance of the outputs into a share. */
  readonly weight: number;
}

function startParts({statistics, rows}: GroupReader, coupling: Coupling): EliminationPart[] | null {
  const {layer, geometry, groups} = statistics;
  const {inputsPerGroup, outputsPerGroup} = geometry;
  const classes = coupling.classes(layer.input, layer.inputAxis);
  const channelsPerGroup = classes.length / geometry.groups;
  const taps = inputsPerGroup / channelsPerGroup;
  const columnsOf = new Map<number, number[]>();
  // All groups of a layer lose the same places.
  classes.subarray(0, channelsPerGroup).forEach((channel, index) => {
    const columns = columnsOf.get(channel) ?? [];
    for (let tap = 0; tap < taps; tap += 1) columns.push(index * taps + tap);
    columnsOf.set(channel, columns);
  });
  const weightsPerGroup = inputsPerGroup * outputsPerGroup;
  const weights = groups.map((_, index) =>
    Float64Array.from(rows.subarray(index * weightsPerGroup, (index + 1) * weightsPerGroup)),
  );
  const energy = weights.reduce(
    (sum, own, index) => sum + outputEnergy(own, groups[index] as (typeof groups)[number]),
    0,
  );
  const parts: EliminationPart[] = [];
  for (const [index, moments] of groups.entries()) {
    const own = weights[index] as Float64Array;
    const elimination = LeastSquaresElimination.start(own, moments, DAMPING);
    if (elimination === null) return null;
    // Outputs that never change lose nothing either.
    parts.push({layer: layer.layer, elimination, columnsOf, weight: energy > 0 ? 1 / energy : 0});
  }
  return parts;
}

function readerValues(
  readers: readonly GroupReader[],
  parts: readonly EliminationPart[],
): ReadonlyMap<string, ReaderValues> {
  return new Map(
    readers.map(({statistics: {layer, geometry, groups}, rows: before}) => {
      const own = parts.filter(part => part.layer === layer.layer);
      const rows = new Float64Array(before.length);
      own.forEach(({elimination}, index) =>
        rows.set(elimination.weights(), index * geometry.outputsPerGroup * geometry.inputsPerGroup),
      );
      const biasSteps = Float64Array.from({length: rows.length / geometry.inputsPerGroup}, (_, output) => {
        const means = groups[Math.floor(output / geometry.outputsPerGroup)]?.inputMeans;
        let step = 0;
        means?.forEach((mean, column) => {
          const at = output * geometry.inputsPerGroup + column;
          step += ((before[at] as number) - (rows[at] as number)) * mean;
        });
        return step;
      });
      return [layer.layer, {rows, biasSteps}];
    }),
  );
}
