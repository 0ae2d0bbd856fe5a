import type {Graph} from '../../model/graph.ts';
import type {TensorError} from './layerErrors.ts';

/**
 * Layers by how much noise they add to what they are given: noise over signal of the result less that of the noisiest
 * input, largest first. For precisions whose layers cannot be fed one by one with the float model's tensors.
 * @param errors of accumulatedErrors, with the names of the float model's tensors
 */
export function rankByGrowth(graph: Graph, errors: readonly TensorError[]): readonly string[] {
  const noise = new Map(errors.map(({tensor, sqnrDb}) => [tensor, 10 ** (-sqnrDb / 10)]));
  const noisiest = (names: readonly string[]): number =>
    names.reduce((most, name) => Math.max(most, noise.get(name) ?? 0), 0);
  return graph.layers
    .map(({name, inputs, outputs}) => ({name, growth: noisiest(outputs) - noisiest(inputs)}))
    .filter(({growth}) => growth > 0)
    .sort((one, other) => other.growth - one.growth)
    .map(({name}) => name);
}
