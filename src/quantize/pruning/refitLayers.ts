import type {NamedTensors} from '../../documents/tensor.ts';
import type {Graph} from '../../model/graph.ts';
import {floatsOf} from '../accuracy/floatsOf.ts';
import {layerGeometry, type LayerGeometry, type SampleTensor} from '../correction/layerGeometry.ts';
import {channelLayers, type ChannelLayer} from './channelLayers.ts';
import {constantValues} from './constantValues.ts';
import {fitRows, type FitKind} from './fitRows.ts';
import {startFitSamples} from './startFitSamples.ts';
import {POSITIONS_PER_LAYER, positionsIn, type CalibrationSamples} from './inputStatistics.ts';
import {biasOf, withLayerValues} from './layerValues.ts';
import {refitTarget, type RefitTarget} from './refitTarget.ts';

/** Of so many samples one is kept back to judge by. */
const HELD_OUT_EVERY = 4;
/** Wanted outputs that are kept at a time: 2^25 float32 are 128 MiB. */
const MOST_KEPT_FLOATS = 2 ** 25;

export interface RefitLayer {
  readonly layer: string;
  readonly kind: FitKind;
}

export interface RefitTask {
  readonly original: Graph;
  readonly pruned: Graph;
  /** To be fitted, in graph order. */
  readonly layers: readonly ChannelLayer[];
  /** Which of a layer's output channels in `original` are in `pruned`; `null` for all. */
  readonly keptOutputs: (layer: ChannelLayer) => Int32Array | null;
  readonly samples: CalibrationSamples;
  readonly onLayer: (done: number, all: number) => void;
}

/**
 * Fits weighted layers again, one after the other in graph order, so that each gives from what the fitted layers before it
 * give what it gave in the original: least squares over places of the calibration samples.
 * @see He, Zhang and Sun, Channel Pruning for Accelerating Very Deep Neural Networks, arXiv 1707.06168, section 3
 */
export async function refitLayers(
  task: RefitTask,
): Promise<{readonly graph: Graph; readonly layers: readonly RefitLayer[]}> {
  const places = plannedPlaces(task);
  const layers: RefitLayer[] = [];
  let graph = task.pruned;
  for (const batch of batchesOf(places, task.samples)) {
    const wanted = await wantedOutputs(task, batch);
    for (const place of batch) {
      const outputs = wanted.get(place.layer.layer) ?? [];
      const kind = await fitLayer(task, graph, place, outputs, changed => (graph = changed));
      layers.push({layer: place.layer.layer, kind});
      task.onLayer(layers.length, places.length);
    }
  }
  return {graph, layers};
}

/** A layer that is to be fitted; `layer` and `geometry` are those of the original. */
interface RefitPlace {
  readonly layer: ChannelLayer;
  readonly geometry: LayerGeometry;
  readonly outputShape: readonly number[];
  readonly kept: Int32Array | null;
  readonly target: RefitTarget;
}

/** Layers that are no matrix products stay as they are. */
function plannedPlaces({original, pruned, layers, keptOutputs}: RefitTask): RefitPlace[] {
  const isWaiting = new Set(layers.map(({layer}) => layer));
  const prunedLayers = new Map(channelLayers(pruned).map(layer => [layer.layer, layer]));
  return layers.flatMap(layer => {
    const geometry = layerGeometry(original, layer);
    const own = prunedLayers.get(layer.layer);
    const outputShape = original.tensors.get(layer.output)?.shape;
    if (geometry === null || own === undefined || outputShape === undefined) return [];
    const target = refitTarget(pruned, own, name => !isWaiting.has(name));
    isWaiting.delete(layer.layer);
    return [{layer, geometry, outputShape, kept: keptOutputs(layer), target}];
  });
}

/** Places of a layer's output in all samples that are looked at. */
function rowsOf({from, to}: CalibrationSamples, positionCount: number): number {
  return Math.min(POSITIONS_PER_LAYER, positionCount * (to - from));
}

function batchesOf(places: readonly RefitPlace[], samples: CalibrationSamples): RefitPlace[][] {
  const batches: RefitPlace[][] = [];
  let floats = Infinity;
  for (const place of places) {
    const {geometry, outputShape} = place;
    const size =
      rowsOf(samples, geometry.positionCount(outputShape)) * geometry.outputsPerGroup * geometry.groups;
    if (floats + size > MOST_KEPT_FLOATS) {
      batches.push([]);
      floats = 0;
    }
    batches.at(-1)?.push(place);
    floats += size;
  }
  return batches;
}

/** By layer, sample and group: the outputs that the layer is to give, rows of the channels that are kept. */
async function wantedOutputs(
  {original, samples}: RefitTask,
  places: readonly RefitPlace[],
): Promise<ReadonlyMap<string, readonly (readonly Float32Array[])[]>> {
  const wanted = new Map(places.map(({layer}) => [layer.layer, [] as Float32Array[][]]));
  await samples.runner.run({
    model: original.model,
    tensors: [...new Set(places.map(({target}) => target.tensor))],
    mode: 'fused',
    from: samples.from,
    to: samples.to,
    visit(values, sample) {
      for (const {layer, geometry, outputShape, kept, target} of places) {
        const output = sampleTensor(values, target.tensor);
        const positions = positionsIn(samples, geometry.positionCount(outputShape), sample);
        const rows = Array.from({length: geometry.groups}, (_, group) =>
          keptColumns(
            geometry.gatherOutputs(group, output, positions),
            geometry.outputsPerGroup,
            group,
            kept,
          ),
        );
        wanted.get(layer.layer)?.push(geometry.groups === 1 ? rows : rows.filter(row => row.length > 0));
      }
    },
  });
  return wanted;
}

/** The columns of one group that are among the kept outputs of the whole layer. */
function keptColumns(
  rows: Float32Array,
  width: number,
  group: number,
  kept: Int32Array | null,
): Float32Array {
  if (kept === null) return rows;
  const first = group * width;
  const columns = kept.filter(index => index >= first && index < first + width).map(index => index - first);
  const count = rows.length / width;
  const result = new Float32Array(count * columns.length);
  for (let row = 0, at = 0; row < count; row += 1) {
    for (const column of columns) result[at++] = rows[row * width + column] as number;
  }
  return result;
}

async function fitLayer(
  {samples}: RefitTask,
  graph: Graph,
  place: RefitPlace,
  wanted: readonly (readonly Float32Array[])[],
  change: (graph: Graph) => void,
): Promise<FitKind> {
  const layers = channelLayers(graph);
  const layer = layers.find(one => one.layer === place.layer.layer);
  const geometry = layer && layerGeometry(graph, layer);
  const constants = constantValues(graph.model);
  const weights = layer && constants.floats(layer.weight);
  const bias = layer && biasOf(graph, constants, layer);
  const outputShape = graph.tensors.get(layer?.output ?? '')?.shape;
  if (!layer || !geometry || !weights || !bias || !outputShape) return 'kept';
  const {groups, inputsPerGroup, outputsPerGroup} = geometry;
  const rowCount = rowsOf(samples, geometry.positionCount(outputShape));
  const start = () =>
    Array.from({length: groups}, () => startFitSamples(inputsPerGroup, outputsPerGroup, rowCount));
  const learned = start();
  const heldOut = start();
  const {addend} = place.target;
  await samples.runner.run({
    model: graph.model,
    tensors: addend === null ? [layer.input] : [layer.input, addend],
    mode: 'fused',
    from: samples.from,
    to: samples.to,
    visit(values, sample) {
      const input = sampleTensor(values, layer.input);
      const added = addend === null ? null : sampleTensor(values, addend);
      const positions = positionsIn(samples, geometry.positionCount(outputShape), sample);
      const sums = (sample - samples.from) % HELD_OUT_EVERY === HELD_OUT_EVERY - 1 ? heldOut : learned;
      sums.forEach((sum, group) => {
        const inputRows = geometry.gatherInputs(group, input, outputShape, positions);
        const outputRows = Float32Array.from(wanted[sample - samples.from]?.[group] ?? []);
        const addedRows = added && geometry.gatherOutputs(group, added, positions);
        addedRows?.forEach((value, at) => (outputRows[at] = (outputRows[at] as number) - value));
        sum.add(inputRows, outputRows, positions.length);
      });
    },
  });
  const rows = geometry.rowsFromWeights(weights);
  const newRows = new Float32Array(rows.length);
  const newBias = bias.slice();
  const size = inputsPerGroup * outputsPerGroup;
  const kinds = learned.map((sum, group): FitKind => {
    const from = group * outputsPerGroup;
    const fitted = fitRows(
      rows.subarray(group * size, (group + 1) * size),
      bias.subarray(from, from + outputsPerGroup),
      sum.samples(),
      (heldOut[group] as typeof sum).samples(),
    );
    newRows.set(fitted.weights, group * size);
    if (fitted.bias !== null) newBias.set(fitted.bias, from);
    return fitted.kind;
  });
  const kind = kinds.includes('weights') ? 'weights' : kinds.includes('biases') ? 'biases' : 'kept';
  if (kind === 'kept') return kind;
  const values =
    kind === 'weights' ? {weights: geometry.weightsFromRows(newRows), bias: newBias} : {bias: newBias};
  change(withLayerValues(graph, layers, new Map([[layer.layer, values]])));
  return kind;
}

function sampleTensor(values: NamedTensors, name: string): SampleTensor {
  const tensor = values[name];
  if (tensor === undefined) throw new RangeError(`no values of "${name}"`);
  return {values: floatsOf(tensor) as Float32Array, shape: tensor.shape};
}
