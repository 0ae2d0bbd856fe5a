import type {Graph} from '../../model/graph.ts';
import type {TensorError} from './layerErrors.ts';

/**
 * All layers by how much noise they add to what they are given: noise over signal of the result less that of the noisiest
 * input, largest first, equal ones in graph order. For precisions whose layers cannot be fed one by one with the float
 * model's tensors.
 * @param errors of accumulatedErrors, with the names of the float model's tensors
 */
export function rankByGrowth(graph: Graph, errors: readonly TensorError[]): readonly string[] {
  const noise = new Map(errors.map(({tensor, sqnrDb}) => [tensor, 10 ** (-sqnrDb / 10)]));
  const noisiest = (names: readonly string[]): number =>
    names.reduce((most, name) => Math.max(most, noise.get(name) ?? 0), 0);
  return graph.layers
    .map(({name, inputs, outputs}) => {
      const before = noisiest(inputs);
      // What was broken before it came here is not this layer's doing.
      return {name, growth: before === Infinity ? -Infinity : noisiest(outputs) - before};
    })
    .sort((one, other) => (one.growth === other.growth ? 0 : other.growth - one.growth))
    .map(({name}) => name);
}
