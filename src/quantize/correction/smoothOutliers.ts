import type {Graph} from '../../model/graph.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {constantsOf, floatsOfTensor} from '../floatsOfTensor.ts';
import type {ChannelAxes} from './channelAxes.ts';
import type {ChannelMagnitudes} from './measureChannels.ts';
import {productOperands} from './productOperands.ts';
import {SmoothableRegion} from './smoothableRegion.ts';
import {withFloatConstants} from './withFloatConstants.ts';

/**
 * Activations with the same channels (along their last axis) that matrix products read, and the constants by which the
 * channels can be scaled without changing what the model answers.
 */
export interface Smoothable {
  /** What the products read, as [..., channels]. */
  readonly tensors: readonly string[];
  readonly channelCount: number;
  /** Constants of what makes them, to be divided by the factors: scales and biases of a normalisation, columns of weights. */
  readonly divided: ReadonlyMap<string, ChannelAxes>;
  /** Weights of the products that read them, to be multiplied. */
  readonly multiplied: ReadonlyMap<string, ChannelAxes>;
}

/**
 * All activations of matrix products that can be smoothed. Where a reader cannot take the factors back, or nothing before
 * can take them up, the tensor is left out: a Mul of its own would cost more time than it saves.
 */
export function findSmoothable(graph: Graph): Smoothable[] {
  const seen = new Set<string>();
  return graph.layers.flatMap(layer => {
    const input = productOperands(graph, layer)?.input;
    const channelCount = graph.tensors.get(input ?? '')?.shape?.at(-1) ?? 0;
    if (input === undefined || seen.has(input) || channelCount < 2) return [];
    seen.add(input);
    for (const factor of ['first', 'second'] as const) {
      const region = new SmoothableRegion(graph, factor);
      if (!region.growFrom(input)) continue;
      const {divided, multiplied, readTensors} = region;
      for (const name of readTensors) seen.add(name);
      return [{tensors: [...readTensors], channelCount, divided, multiplied}];
    }
    return [];
  });
}

/**
 * The same function with part of the activations' outliers moved into the weights that they are multiplied with: channel
 * j is divided by max|Xⱼ|^α / max|Wⱼ|^(1−α), Wⱼ being its weights in all products that read it.
 * @param magnitudes of the tensors of findSmoothable(graph), by measureLastAxisMagnitudes; others are left as they are
 * @param alpha 0: only the weights are evened out, 1: only the activations
 * @see Xiao et al., SmoothQuant, arXiv 2211.10438, equation 4
 */
export function smoothOutliers(graph: Graph, magnitudes: ChannelMagnitudes, alpha: number): OnnxModel {
  const constants = constantsOf(graph);
  // Factors come from the weights as they are in the file; a weight can be a reader here and a maker there.
  const originalOf = (name: string): Float32Array => {
    const tensor = constants.get(name);
    if (tensor === undefined) throw new RangeError(`the model has no constant "${name}"`);
    return floatsOfTensor(tensor);
  };
  const changed = new Map<string, Float32Array>();
  const scale = (name: string, axes: ChannelAxes, factors: Float64Array): void => {
    const channelAt = channelsOf(axes, constants.get(name)?.dims ?? []);
    const values = changed.get(name) ?? originalOf(name);
    changed.set(
      name,
      values.map((value, at) => value * (factors[channelAt(at)] ?? 1)),
    );
  };
  for (const {tensors, channelCount, divided, multiplied} of findSmoothable(graph)) {
    if (!tensors.some(name => magnitudes.has(name))) continue;
    const activations = new Float64Array(channelCount);
    for (const name of tensors) {
      magnitudes.get(name)?.forEach((value, channel) => {
        activations[channel] = Math.max(activations[channel] ?? 0, value);
      });
    }
    const weights = new Float64Array(channelCount);
    for (const [name, axes] of multiplied) {
      const channelAt = channelsOf(axes, constants.get(name)?.dims ?? []);
      originalOf(name).forEach((value, at) => {
        const channel = channelAt(at);
        weights[channel] = Math.max(weights[channel] ?? 0, Math.abs(value));
      });
    }
    const factors = smoothingFactors(activations, weights, alpha);
    const inverses = factors.map(factor => 1 / factor);
    for (const [name, axes] of divided) scale(name, axes, inverses);
    for (const [name, axes] of multiplied) scale(name, axes, factors);
  }
  return withFloatConstants(graph.model, changed);
}

/** With a geometric mean of 1: a factor common to all channels changes nothing that is rounded. Dead channels get 1. */
function smoothingFactors(activations: Float64Array, weights: Float64Array, alpha: number): Float64Array {
  const logs = activations.map((activation, channel) => {
    const weight = weights[channel] ?? 0;
    if (activation === 0 || weight === 0) return NaN;
    return alpha * Math.log(activation) - (1 - alpha) * Math.log(weight);
  });
  const alive = logs.filter(log => !Number.isNaN(log));
  const middle = alive.reduce((sum, log) => sum + log, 0) / alive.length;
  return logs.map(log => (Number.isNaN(log) ? 1 : Math.exp(log - middle)));
}

/** The channel of each place of a row-major tensor. */
function channelsOf(axes: ChannelAxes, dims: readonly number[]): (at: number) => number {
  const counted = [...axes].map(([axis, stride]) => {
    const inner = dims.slice(axis + 1).reduce((all, size) => all * size, 1);
    return {inner, size: dims[axis] ?? 1, stride};
  });
  const [only, ...others] = counted;
  // Weights have millions of places and one such axis.
  if (only !== undefined && others.length === 0)
    return at => (Math.floor(at / only.inner) % only.size) * only.stride;
  return at =>
    counted.reduce((sum, {inner, size, stride}) => sum + (Math.floor(at / inner) % size) * stride, 0);
}
