import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {parametersFromRange} from './parametersFromRange.ts';
import type {QuantizationParameters, QuantizationPlan, TensorRange} from './quantizationPlan.ts';

/**
 * Scale and zero point of every quantised activation: tensors of a group get those of their united range.
 * @throws RangeError when a tensor's range was not measured
 */
export function activationParameters(
  plan: QuantizationPlan,
  scheme: QuantizationScheme,
  ranges: ReadonlyMap<string, TensorRange>,
): Map<string, QuantizationParameters> {
  const united = new Map<number, TensorRange>();
  for (const [name, {group, fixed}] of plan.activations) {
    const range = fixed ?? ranges.get(name);
    if (range === undefined) throw new RangeError(`no range of tensor "${name}"`);
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
