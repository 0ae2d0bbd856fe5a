import type {Graph, Layer} from '../../model/graph.ts';
import type {ChannelLayer} from './channelLayers.ts';

/** What a layer's output is to be. */
export interface RefitTarget {
  /** In the original model. */
  readonly tensor: string;
  /** In the pruned model: what will be added to the layer's output before it is compared with `tensor`. */
  readonly addend: string | null;
}

/**
 * The layer's own output in the original model; at the end of a residual branch the sum behind it, so that the layer makes
 * up for what its skip connection has lost, too, once everything in that has been fitted.
 * @see He, Zhang and Sun, Channel Pruning for Accelerating Very Deep Neural Networks, arXiv 1707.06168, section 3.3
 */
export function refitTarget(
  graph: Graph,
  layer: ChannelLayer,
  isSettled: (layer: string) => boolean,
): RefitTarget {
  const own = {tensor: layer.output, addend: null};
  const [reader, ...others] = graph.tensors.get(layer.output)?.consumers ?? [];
  const sum = reader === undefined || others.length > 0 ? undefined : graph.layers[reader];
  if (sum === undefined || sum.operator !== 'Add' || sum.domain !== '') return own;
  const addend = sum.inputs.find(name => name !== layer.output);
  const [tensor] = sum.outputs;
  const shapeOf = (name: string | undefined): string => graph.tensors.get(name ?? '')?.shape?.join() ?? '';
  if (addend === undefined || tensor === undefined || graph.tensors.get(addend)?.isWeight === true)
    return own;
  const isSameShape = shapeOf(addend) === shapeOf(layer.output) && shapeOf(tensor) === shapeOf(layer.output);
  return isSameShape && ancestorsOf(graph, addend).every(isSettled) ? {tensor, addend} : own;
}

/** Names of all layers that a tensor depends on. */
function ancestorsOf(graph: Graph, tensor: string): string[] {
  const seen = new Set<Layer>();
  const waiting = [tensor];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const layer = graph.layers[graph.tensors.get(name)?.producer ?? -1];
    if (layer === undefined || seen.has(layer)) continue;
    seen.add(layer);
    waiting.push(...layer.inputs, ...layer.outerInputs);
  }
  return [...seen].map(({name}) => name);
}
