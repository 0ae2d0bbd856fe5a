import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import type {Graph} from '../model/graph.ts';
import {parametersFromRange} from './parametersFromRange.ts';
import type {QuantizationParameters, QuantizationPlan, TensorRange} from './quantizationPlan.ts';

/**
 * Scale and zero point of every quantised activation: tensors of a group get those of their united range. What only a
 * Relu reads needs no scale for negative values.
 * @throws RangeError when a tensor's range was not measured
 */
export function activationParameters(
  graph: Graph,
  plan: QuantizationPlan,
  scheme: QuantizationScheme,
  ranges: ReadonlyMap<string, TensorRange>,
): Map<string, QuantizationParameters> {
  const united = new Map<number, TensorRange>();
  for (const [name, {group, fixed}] of plan.activations) {
    const measured = fixed ?? ranges.get(name);
    if (measured === undefined) throw new RangeError(`no range of tensor "${name}"`);
    const range = isOnlyReadByRelu(graph, name) ? {min: 0, max: Math.max(measured.max, 0)} : measured;
    const other = united.get(group) ?? range;
    united.set(group, {min: Math.min(other.min, range.min), max: Math.max(other.max, range.max)});
  }
  const parameters = new Map(
    [...united].map(([group, range]) => [group, parametersFromRange(range, scheme.activations)]),
  );
  return new Map(
    [...plan.activations].flatMap(([name, {group}]) => {
      const found = parameters.get(group);
      return found === undefined ? [] : [[name, found]];
    }),
  );
}

function isOnlyReadByRelu(graph: Graph, name: string): boolean {
  const tensor = graph.tensors.get(name);
  if (tensor === undefined || tensor.isOutput || tensor.consumers.length === 0) return false;
  return tensor.consumers.every(index => graph.layers[index]?.operator === 'Relu');
}
