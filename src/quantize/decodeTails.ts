import type {Graph, Layer} from '../model/graph.ts';

/** Operators that only move values about. */
const MOVES_VALUES = new Set([
  'Concat',
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/**
 * Weighted layers that decode outputs instead of computing features, by graph alone: a layer that reads a Softmax takes
 * an expectation over a distribution (the distance of a box's side as in Generalized Focal Loss, arXiv 2006.04388, in
 * YOLOv8 and its kin), which integers of 8 bits would round to whole pixels. Only where no other weighted layer follows:
 * inside an attention block the next projection does.
 * @param weighted indices of the layers that could be quantised
 */
export function decodingLayers(graph: Graph, weighted: ReadonlySet<number>): Set<number> {
  const decoding = new Set<number>();
  const isFollowed = followedBy(graph, weighted);
  for (const index of weighted) {
    const layer = graph.layers[index];
    if (layer !== undefined && !isFollowed.has(index) && readsSoftmax(graph, layer)) decoding.add(index);
  }
  return decoding;
}

/** Indices of the layers from which some layer of `wanted` (other than themselves) can be reached. */
export function followedBy(graph: Graph, wanted: ReadonlySet<number>): Set<number> {
  const followed = new Set<number>();
  for (const layer of graph.layers.toReversed()) {
    const isFollowed = layer.outputs.some(name =>
      graph.tensors.get(name)?.consumers.some(next => wanted.has(next) || followed.has(next)),
    );
    if (isFollowed) followed.add(layer.index);
  }
  return followed;
}

function readsSoftmax(graph: Graph, layer: Layer): boolean {
  const waiting = [layer.node.inputs[0] ?? ''];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const producer = graph.tensors.get(name)?.producer ?? null;
    const before = producer === null ? undefined : graph.layers[producer];
    if (before?.operator === 'Softmax') return true;
    if (before !== undefined && MOVES_VALUES.has(before.operator)) waiting.push(...before.inputs);
  }
  return false;
}
