import type {Graph} from '../../model/graph.ts';
import {floatAttribute} from '../nodeAttributes.ts';
import {boundChannels} from './boundChannels.ts';
import {readsPadding} from './boundWeighted.ts';
import {channelLayers, type ChannelLayer} from './channelLayers.ts';
import {constantValues, type ConstantValues} from './constantValues.ts';
import {dependencyGroups, type DependencyGroups} from './dependencyGroups.ts';
import {biasOf, withLayerValues, type LayerValues} from './layerValues.ts';
import {keptIndices, removeChannels} from './removeChannels.ts';
import {weightPlaces} from './weightPlaces.ts';

/** `unread`: all weights with which it is read are 0; `constant`: it always has the same value. */
export type DeadReason = 'unread' | 'constant';

export interface DeadChannels {
  /** Layers that made them. */
  readonly makers: readonly string[];
  readonly count: number;
  readonly reason: DeadReason;
}

/**
 * Removes what cannot change any answer: channels that nobody weighs, and channels that are constant whatever the input
 * (zero weights, a BatchNormalization with scale 0, never positive before Relu), whose value goes into the biases of
 * their readers. A constant other than 0 that meets zero padding stays: at the border it is no constant. Of each group so
 * many stay that their number is a multiple of `multipleOf`, and one at least.
 */
export function removeDeadChannels(
  graph: Graph,
  multipleOf = 1,
): {readonly graph: Graph; readonly removed: readonly DeadChannels[]} {
  const removed: DeadChannels[] = [];
  let current = graph;
  // Without a channel, those that only it was made of are unread.
  for (;;) {
    const dependencies = dependencyGroups(current);
    const dead = findDead(current, dependencies);
    const chosen = new Set<number>();
    for (const {channels, makers} of dependencies.groups) {
      const candidates = channels.filter(channel => dead.has(channel));
      const kept = Math.max(1, channels.length - candidates.length);
      const count = channels.length - Math.ceil(kept / multipleOf) * multipleOf;
      const taken = candidates.slice(0, Math.max(0, count));
      for (const channel of taken) chosen.add(channel);
      for (const reason of ['unread', 'constant'] as const) {
        const found = taken.filter(channel => dead.get(channel)?.reason === reason);
        if (found.length > 0) removed.push({makers, count: found.length, reason});
      }
    }
    if (chosen.size === 0) return {graph: current, removed};
    const values = foldedBiases(current, dependencies, chosen, dead);
    const pruned = removeChannels(current, dependencies.coupling, chosen);
    current = values.size === 0 ? pruned : withLayerValues(pruned, channelLayers(pruned), values);
  }
}

interface DeadChannel {
  readonly reason: DeadReason;
  /** What each reader's input channel always holds; only of constant ones. */
  readonly values: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

function findDead(graph: Graph, {coupling, layers, groups}: DependencyGroups): Map<number, DeadChannel> {
  const constants = constantValues(graph.model);
  const ranges = boundChannels(graph);
  const candidates = new Set(groups.flatMap(({channels}) => channels));
  const values = new Map<number, Map<string, Map<number, number>>>();
  const isAlive = new Set<number>();
  const isConstant = new Set<number>();
  for (const layer of layers) {
    const {input, inputAxis} = layer;
    if (layer.isChannelwise || coupling.shapeOf(input) === undefined) continue;
    const unread = unreadInputs(graph, constants, layer);
    const canFold = takesConstants(graph, constants, layer);
    const bounds = ranges.get(input);
    coupling.classes(input, inputAxis).forEach((channel, index) => {
      if (!candidates.has(channel) || unread.has(index)) return;
      const value = bounds?.axis === inputAxis ? bounds.low[index] : undefined;
      const isFolded = value !== undefined && value === bounds?.high[index] && (value === 0 || canFold);
      if (!isFolded) isAlive.add(channel);
      else {
        isConstant.add(channel);
        const byLayer = values.get(channel) ?? new Map<string, Map<number, number>>();
        const byIndex = byLayer.get(layer.layer) ?? new Map<number, number>();
        values.set(channel, byLayer.set(layer.layer, byIndex.set(index, value)));
      }
    });
  }
  return new Map(
    [...candidates]
      .filter(channel => !isAlive.has(channel))
      .map(channel => [
        channel,
        {reason: isConstant.has(channel) ? 'constant' : 'unread', values: values.get(channel) ?? new Map()},
      ]),
  );
}

/** Input channels whose weights are all 0. */
function unreadInputs(graph: Graph, constants: ConstantValues, layer: ChannelLayer): Set<number> {
  const values = constants.floats(layer.weight) ?? new Float32Array();
  const {groups, outputsPerGroup, inputsPerGroup, taps, place} = weightPlaces(
    layer,
    graph.tensors.get(layer.weight)?.shape ?? [],
  );
  const isWeighed = (group: number, input: number): boolean => {
    for (let output = 0; output < outputsPerGroup; output += 1) {
      const from = place(group, output, input);
      for (let at = from; at < from + taps; at += 1) if (values[at] !== 0) return true;
    }
    return false;
  };
  const unread = new Set<number>();
  for (let group = 0; group < groups; group += 1) {
    for (let input = 0; input < inputsPerGroup; input += 1)
      if (!isWeighed(group, input)) unread.add(group * inputsPerGroup + input);
  }
  return unread;
}

/** Whether a constant on an input channel is the same as a constant in the bias. */
function takesConstants(graph: Graph, constants: ConstantValues, layer: ChannelLayer): boolean {
  const node = graph.layers[layer.index];
  if (node === undefined) return false;
  const isScaled = floatAttribute(node.node, 'alpha', 1) !== 1 || floatAttribute(node.node, 'beta', 1) !== 1;
  const shapeOf = (tensor: string): readonly number[] => graph.tensors.get(tensor)?.shape ?? [];
  const isPlainBias = biasOf(graph, constants, layer) !== null;
  return isPlainBias && !isScaled && !readsPadding({graph, layer: node, shapeOf}, layer);
}

/** The biases, of the output channels that stay, with what the chosen channels always add to them. */
function foldedBiases(
  graph: Graph,
  {layers, coupling}: DependencyGroups,
  chosen: ReadonlySet<number>,
  dead: ReadonlyMap<number, DeadChannel>,
): Map<string, LayerValues> {
  const constants = constantValues(graph.model);
  const keptAlong = keptIndices(coupling, chosen);
  const updates = new Map<string, LayerValues>();
  for (const layer of layers) {
    const held = new Map<number, number>();
    for (const channel of chosen) {
      for (const [index, value] of dead.get(channel)?.values.get(layer.layer) ?? []) {
        if (value !== 0) held.set(index, value);
      }
    }
    const weights = constants.floats(layer.weight);
    const bias = biasOf(graph, constants, layer);
    if (held.size === 0 || weights === null || bias === null) continue;
    const sums = Float64Array.from(bias);
    const places = weightPlaces(layer, graph.tensors.get(layer.weight)?.shape ?? []);
    for (const [input, value] of held) {
      const group = Math.floor(input / places.inputsPerGroup);
      for (let output = 0; output < places.outputsPerGroup; output += 1) {
        const from = places.place(group, output, input % places.inputsPerGroup);
        const made = group * places.outputsPerGroup + output;
        for (let at = from; at < from + places.taps; at += 1)
          sums[made] = (sums[made] as number) + (weights[at] as number) * value;
      }
    }
    const kept = keptAlong(layer.output, layer.outputAxis) ?? sums.keys();
    updates.set(layer.layer, {bias: Float32Array.from(kept, index => sums[index] as number)});
  }
  return updates;
}
