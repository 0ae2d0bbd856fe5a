import type {Graph} from '../../model/graph.ts';
import {channelLayers, type ChannelLayer} from './channelLayers.ts';
import {coupleLayers} from './coupleLayers.ts';
import type {Coupling, Refusal} from './coupling.ts';

/**
 * Channels that lie in the same layers in the same way: removing any one of them saves the same. A channel here is all
 * that can only be removed together, wherever in the model it is.
 */
export interface DependencyGroup {
  /** Numbers of `Coupling`, in the order of the tensors' channels. */
  readonly channels: readonly number[];
  /** Layers whose outputs they are, that filter them one by one, and that read them; in graph order. */
  readonly makers: readonly string[];
  readonly filters: readonly string[];
  readonly readers: readonly string[];
}

export interface RefusedGroup extends DependencyGroup {
  readonly refusal: Refusal;
}

export interface DependencyGroups {
  readonly coupling: Coupling;
  readonly layers: readonly ChannelLayer[];
  /** In the order of their first makers. */
  readonly groups: readonly DependencyGroup[];
  /** Channels of weighted layers that must stay, and why. */
  readonly refused: readonly RefusedGroup[];
}

/**
 * All channels of weighted layers, in groups.
 * @see Fang et al., DepGraph: Towards Any Structural Pruning, arXiv 2301.12900
 */
export function dependencyGroups(graph: Graph): DependencyGroups {
  const coupling = coupleLayers(graph);
  const layers = channelLayers(graph);
  const makersOf = new Map<number, Set<string>>();
  for (const layer of layers) {
    if (layer.isChannelwise) continue;
    for (const channel of madeChannels(coupling, layer)) {
      const makers = makersOf.get(channel);
      if (makers === undefined) makersOf.set(channel, new Set([layer.layer]));
      else makers.add(layer.layer);
    }
  }
  const footprints = footprintsOf(graph, coupling, makersOf);
  const members = new Map<string, number[]>();
  for (const channel of makersOf.keys()) {
    const refusal = coupling.refusalOf(channel);
    // Of channels that stay it only matters whose they are and why.
    const key =
      refusal === null
        ? (footprints.get(channel) ?? '')
        : JSON.stringify([[...(makersOf.get(channel) ?? [])], refusal.reason, refusal.layer]);
    const channels = members.get(key);
    if (channels === undefined) members.set(key, [channel]);
    else channels.push(channel);
  }
  const groups: DependencyGroup[] = [];
  const refused: RefusedGroup[] = [];
  for (const channels of members.values()) {
    const [first = 0] = channels;
    const isAmong = (axisClasses: Int32Array): boolean => axisClasses.includes(first);
    const makers = makersOf.get(first) ?? new Set();
    const reading = layers.filter(
      ({input, inputAxis}) =>
        coupling.shapeOf(input) !== undefined && isAmong(coupling.classes(input, inputAxis)),
    );
    const group: DependencyGroup = {
      channels: channels.toSorted((a, b) => a - b),
      makers: [...makers],
      filters: reading.filter(layer => layer.isChannelwise).map(({layer}) => layer),
      readers: reading.filter(layer => !layer.isChannelwise).map(({layer}) => layer),
    };
    const refusal = coupling.refusalOf(first);
    if (refusal === null) groups.push(group);
    else refused.push({...group, refusal});
  }
  return {coupling, layers, groups, refused};
}

/** Where the output's shape is unknown, the weight still tells its channels. */
function madeChannels(
  coupling: Coupling,
  {output, outputAxis, weight, channelAxis}: ChannelLayer,
): Int32Array {
  return coupling.shapeOf(output) === undefined
    ? coupling.classes(weight, channelAxis)
    : coupling.classes(output, outputAxis);
}

/** For each channel, how often it occurs along which axes: equal texts mean that the channels cost the same. */
function footprintsOf(
  graph: Graph,
  coupling: Coupling,
  wanted: ReadonlyMap<number, unknown>,
): Map<number, string> {
  const footprints = new Map<number, string>();
  let place = 0;
  for (const {name, shape} of graph.tensors.values()) {
    if (shape === undefined) continue;
    for (let axis = 0; axis < shape.length; axis += 1, place += 1) {
      const counts = new Map<number, number>();
      for (const channel of coupling.classes(name, axis)) {
        if (wanted.has(channel)) counts.set(channel, (counts.get(channel) ?? 0) + 1);
      }
      for (const [channel, count] of counts)
        footprints.set(channel, `${footprints.get(channel) ?? ''} ${place}x${count}`);
    }
  }
  return footprints;
}
