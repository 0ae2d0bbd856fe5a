import type {Graph} from '../../model/graph.ts';
import {layerGeometry} from '../correction/layerGeometry.ts';
import {answerError, answersOf, answerTensors} from './answers.ts';
import {channelLayers, type ChannelLayer} from './channelLayers.ts';
import {constantValues, type ConstantValues} from './constantValues.ts';
import type {DependencyGroups} from './dependencyGroups.ts';
import type {CalibrationSamples} from './inputStatistics.ts';
import {biasOf, withLayerValues, type LayerValues} from './layerValues.ts';
import type {ReaderValues} from './eliminationOrder.ts';
import type {OrderedGroup} from './orderGroups.ts';
import {keptIndices, removeChannels, type KeptAlong} from './removeChannels.ts';

/** Samples on which a group's weight in the answers is measured. */
const PROBE_SAMPLES = 32;

/**
 * The error of the model's answers after n channels of one group have gone, for each n: measured at the group's probes and
 * interpolated over the readers' error between them. The readers' errors themselves are no measure: a late layer's
 * reaches the answer as it is, an early one's is amplified or forgotten.
 */
export async function probeGroups(
  graph: Graph,
  {coupling, layers}: DependencyGroups,
  ordered: readonly OrderedGroup[],
  samples: CalibrationSamples,
  onGroup: (done: number, all: number) => void,
): Promise<number[][]> {
  const tensors = answerTensors(graph, layers);
  const expected = await answersOf(graph.model, tensors, samples, PROBE_SAMPLES);
  const constants = constantValues(graph.model);
  const curves: number[][] = [];
  for (const {order, readers} of ordered) {
    const points = [{readerError: 0, answerError: 0}];
    for (const {count, readers: fitted} of order.probes) {
      const removed = new Set(order.channels.slice(0, count));
      const pruned = removeChannels(graph, coupling, removed);
      const keptAlong = keptIndices(coupling, removed);
      const prunedLayers = channelLayers(pruned);
      const values = new Map<string, LayerValues>();
      for (const reader of readers) {
        const found = fitted.get(reader.layer);
        const own = prunedLayers.find(({layer}) => layer === reader.layer);
        const kept = found && keptValues(graph, constants, reader, found, keptAlong);
        const geometry = own && layerGeometry(pruned, own);
        if (kept && geometry)
          values.set(reader.layer, {bias: kept.bias, weights: geometry.weightsFromRows(kept.rows)});
      }
      const trial = withLayerValues(pruned, prunedLayers, values);
      const found = await answersOf(trial.model, tensors, samples, PROBE_SAMPLES);
      const before = points.at(-1) ?? {readerError: 0, answerError: 0};
      const readerError = order.errors[count] ?? 0;
      const slope = before.readerError > 0 ? before.answerError / before.readerError : 0;
      points.push({
        readerError,
        answerError: Math.max(slope * readerError, answerError(expected, found)),
      });
    }
    curves.push(order.errors.map(error => interpolated(points, error)));
    onGroup(curves.length, ordered.length);
  }
  return curves;
}

function interpolated(
  points: readonly {readonly readerError: number; readonly answerError: number}[],
  error: number,
): number {
  const after = points.findIndex(({readerError}) => readerError >= error);
  const [low, high] = [points[after - 1], points[after]];
  if (low === undefined || high === undefined) return high?.answerError ?? points.at(-1)?.answerError ?? 0;
  const share = (error - low.readerError) / (high.readerError - low.readerError);
  return low.answerError + share * (high.answerError - low.answerError);
}

/** A reader's values for the channels that are kept; rows are outputs×inputs. */
function keptValues(
  graph: Graph,
  constants: ConstantValues,
  reader: ChannelLayer,
  {rows, biasSteps}: ReaderValues,
  keptAlong: KeptAlong,
): {readonly rows: Float32Array; readonly bias: Float32Array} | null {
  const geometry = layerGeometry(graph, reader);
  const bias = biasOf(graph, constants, reader);
  if (geometry === null || bias === null) return null;
  const width = geometry.inputsPerGroup;
  const channels = (graph.tensors.get(reader.input)?.shape?.[reader.inputAxis] ?? 0) / geometry.groups;
  const taps = width / channels;
  const outputs = keptAlong(reader.output, reader.outputAxis) ?? Int32Array.from(bias.keys());
  const inputs = keptAlong(reader.input, reader.inputAxis) ?? Int32Array.from(Array(channels).keys());
  // All groups lose the same places.
  const columns = [...inputs.filter(index => index < channels)].flatMap(index =>
    Array.from({length: taps}, (_, tap) => index * taps + tap),
  );
  const kept = new Float32Array(outputs.length * columns.length);
  outputs.forEach((output, row) =>
    columns.forEach(
      (column, at) => (kept[row * columns.length + at] = rows[output * width + column] as number),
    ),
  );
  return {
    rows: kept,
    bias: Float32Array.from(outputs, index => (bias[index] as number) + (biasSteps[index] as number)),
  };
}
