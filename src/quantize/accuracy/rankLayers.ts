import type {Graph} from '../../model/graph.ts';
import type {QuantizationPlan} from '../quantizationPlan.ts';
import type {TensorError} from './layerErrors.ts';

/**
 * The layers that compute on integers, most sensitive first: by the own error of what they make. Layers whose result was
 * not compared, because it is not rounded or has no name in common, come last in graph order.
 * @param errors of ownErrors, with the names of the float model's tensors
 */
export function rankLayers(
  graph: Graph,
  plan: QuantizationPlan,
  errors: readonly TensorError[],
): readonly string[] {
  const makers = new Map(graph.layers.flatMap(({name, outputs}) => outputs.map(tensor => [tensor, name])));
  for (const {output, layer} of plan.weighted) makers.set(output, layer);
  const worst = new Map<string, number>();
  for (const {tensor, sqnrDb} of errors) {
    const layer = makers.get(tensor);
    if (layer !== undefined) worst.set(layer, Math.min(sqnrDb, worst.get(layer) ?? Infinity));
  }
  const decibelsOf = (layer: string): number => worst.get(layer) ?? Infinity;
  return [...plan.quantizedLayers].sort((a, b) => {
    const [one, other] = [decibelsOf(a), decibelsOf(b)];
    return one === other ? 0 : one - other;
  });
}
