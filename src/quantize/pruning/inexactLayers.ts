import type {Graph} from '../../model/graph.ts';
import type {ChannelLayer} from './channelLayers.ts';

/**
 * The weighted layers whose outputs are not what they were before channels were removed: those that read one channel less
 * across channels, and all that depends on them. In graph order.
 * @param hasLostInputs whether removed channels were among what the layer reads
 */
export function inexactLayers(
  graph: Graph,
  layers: readonly ChannelLayer[],
  hasLostInputs: (layer: ChannelLayer) => boolean,
): ChannelLayer[] {
  const weighted = new Map(layers.map(layer => [layer.layer, layer]));
  const inexact = new Set<string>();
  const found: ChannelLayer[] = [];
  for (const layer of graph.layers) {
    const own = weighted.get(layer.name);
    // A filter of single channels gives for those that stay what it gave.
    const hasLost = own !== undefined && !own.isChannelwise && hasLostInputs(own);
    if (!hasLost && ![...layer.inputs, ...layer.outerInputs].some(name => inexact.has(name))) continue;
    for (const name of layer.outputs) inexact.add(name);
    if (own !== undefined) found.push(own);
  }
  return found;
}
