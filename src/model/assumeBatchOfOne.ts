import {typeOfValueInfo} from './graphFromModel.ts';
import type {OnnxModel} from './onnx/messages.ts';

/**
 * Shapes for the inputs that leave open nothing but their first axis, the batch: 1. What is given, or fixed by a symbol
 * that a given shape fixes, stays as it is. Overridable initialisers must have been stripped before.
 */
export function assumeBatchOfOne(
  model: OnnxModel,
  given: Readonly<Record<string, readonly number[]>>,
): Record<string, readonly number[]> {
  const symbols = new Map<string, number>();
  for (const info of model.graph.inputs) {
    typeOfValueInfo(info).dims?.forEach((dim, axis) => {
      const size = given[info.name]?.[axis];
      if (typeof dim === 'string' && size !== undefined) symbols.set(dim, size);
    });
  }
  const assumed = model.graph.inputs.flatMap((info): [string, number[]][] => {
    const {dims} = typeOfValueInfo(info);
    if (given[info.name] !== undefined || dims === undefined) return [];
    const [batch, ...sizes] = dims.map(dim => (typeof dim === 'string' ? symbols.get(dim) : dim));
    const isOpen = dims.length > 0 && typeof batch !== 'number';
    return isOpen && sizes.every(size => typeof size === 'number') ? [[info.name, [1, ...sizes]]] : [];
  });
  return Object.fromEntries(assumed);
}
