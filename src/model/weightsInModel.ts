import type {Graph} from './graph.ts';
import type {HomesInModel} from './homesInModel.ts';
import {bytesOfGraphTensor} from './layerCosts.ts';

/**
 * What another form of a model holds of weights, scales among them: the bytes of each, and which of the model's own layers read
 * it, by index. What none of their results needs is left out.
 */
export function weightsInModel(
  form: Graph,
  {ofLayer}: Pick<HomesInModel, 'ofLayer'>,
): {readonly bytes: number; readonly readers: readonly number[]}[] {
  return [...form.tensors.values()].flatMap(tensor => {
    if (!tensor.isWeight) return [];
    const readers = tensor.consumers.flatMap(layer => ofLayer.get(form.layers[layer]?.name ?? '') ?? []);
    return readers.length === 0
      ? []
      : [{bytes: bytesOfGraphTensor(tensor) ?? 0, readers: [...new Set(readers)]}];
  });
}
