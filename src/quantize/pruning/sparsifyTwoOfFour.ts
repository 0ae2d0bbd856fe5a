import type {Graph} from '../../model/graph.ts';
import {layerGeometry, type LayerGeometry} from '../correction/layerGeometry.ts';
import {dot} from '../correction/cholesky.ts';
import type {Moments} from '../correction/moments.ts';
import {quadraticFromMoments} from '../correction/quadratic.ts';
import {channelLayers, type ChannelLayer} from './channelLayers.ts';
import {constantValues} from './constantValues.ts';
import {measureInputs, type CalibrationSamples} from './inputStatistics.ts';
import {biasOf, withLayerValues, type LayerValues} from './layerValues.ts';
import {QUAD, quadColumns, sparsifyRows} from './sparsifyRows.ts';

/** Held back as SparseGPT holds back its weights (Frantar and Alistarh, arXiv 2301.00774, section 4). */
const DAMPING = 0.01;

/** Why a layer stays dense. */
export type DenseReason =
  /** Not what sparse kernels are made for. */
  'grouped' | 'channels-not-multiple-of-four' | 'no-plain-product' | 'inputs-not-measurable';

export interface SparseModel {
  readonly graph: Graph;
  readonly sparseLayers: readonly string[];
  readonly denseLayers: readonly {readonly layer: string; readonly reason: DenseReason}[];
}

/**
 * The graph with two of every four consecutive input channels' weights 0, for each output and place of the kernel, as the
 * sparse tensor cores of NVIDIA's Ampere and later want it. The weights that stay make up for those that go, and biases
 * keep the mean of each output.
 */
export async function sparsifyTwoOfFour(
  graph: Graph,
  samples: CalibrationSamples,
  onLayer: (done: number, all: number) => void,
): Promise<SparseModel> {
  const all = channelLayers(graph);
  const constants = constantValues(graph.model);
  const denseLayers: {layer: string; reason: DenseReason}[] = [];
  const values = new Map<string, LayerValues>();
  const possible = all.flatMap(layer => {
    const geometry = layerGeometry(graph, layer);
    const reason = denseReason(graph, layer, geometry);
    if (geometry !== null && reason === null) return [{layer, geometry}];
    denseLayers.push({layer: layer.layer, reason: reason ?? 'no-plain-product'});
    return [];
  });
  for (const [index, {layer, geometry}] of possible.entries()) {
    // One at a time: the covariances of all layers may not fit into memory together.
    const measured = await measureInputs(graph, [layer], samples);
    const weights = constants.floats(layer.weight);
    const bias = biasOf(graph, constants, layer);
    const channels = graph.tensors.get(layer.input)?.shape?.[layer.inputAxis] ?? 1;
    const quads = quadColumns(channels, geometry.inputsPerGroup / channels);
    const moments = measured.get(layer.layer)?.groups[0];
    const sparse = weights && moments ? sparseValues(geometry, weights, bias, quads, moments) : null;
    if (sparse === null) denseLayers.push({layer: layer.layer, reason: 'inputs-not-measurable'});
    else values.set(layer.layer, sparse);
    onLayer(index + 1, possible.length);
  }
  return {graph: withLayerValues(graph, all, values), sparseLayers: [...values.keys()], denseLayers};
}

function sparseValues(
  geometry: LayerGeometry,
  weights: Float32Array,
  bias: Float32Array | null,
  quads: readonly (readonly number[])[],
  moments: Moments,
): LayerValues | null {
  const inputs = geometry.inputsPerGroup;
  const rows = Float64Array.from(geometry.rowsFromWeights(weights));
  const sparse = sparsifyRows(rows, inputs, quads, quadraticFromMoments(moments, DAMPING).matrix);
  if (sparse === null) return null;
  const value = {weights: geometry.weightsFromRows(Float32Array.from(sparse))};
  if (bias === null) return value;
  const lost = rows.map((weight, at) => weight - (sparse[at] as number));
  return {
    ...value,
    bias: bias.map((old, output) => old + dot(lost, output * inputs, moments.inputMeans, 0, inputs)),
  };
}

function denseReason(graph: Graph, layer: ChannelLayer, geometry: LayerGeometry | null): DenseReason | null {
  if (geometry === null) return 'no-plain-product';
  if (layer.groups > 1) return 'grouped';
  const channels = graph.tensors.get(layer.input)?.shape?.[layer.inputAxis] ?? 0;
  return channels % QUAD === 0 ? null : 'channels-not-multiple-of-four';
}
