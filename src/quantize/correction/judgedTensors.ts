import type {Graph} from '../../model/graph.ts';
import {lastWeightedLayers} from './endLayers.ts';

/** What the last of these layers read and make. */
export function judgedTensors(graph: Graph, weighted: readonly string[]): string[] {
  const last = new Set(lastWeightedLayers(graph, weighted));
  const isComputed = (name: string): boolean =>
    graph.tensors.get(name)?.isWeight === false && !graph.inputs.includes(name);
  return [
    ...new Set(
      graph.layers.flatMap(({name, inputs, outputs}) =>
        last.has(name) ? [...inputs.filter(isComputed), ...outputs] : [],
      ),
    ),
  ];
}
