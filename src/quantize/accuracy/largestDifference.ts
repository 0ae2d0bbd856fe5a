import type {NamedTensors} from '../../documents/tensor.ts';
import {floatsOf} from './floatsOf.ts';

/** Largest absolute difference of any value of the named tensors. Two NaNs agree; one NaN is a difference that no tolerance covers. */
export function largestDifference(one: NamedTensors, other: NamedTensors, names: readonly string[]): number {
  let largest = 0;
  for (const name of names) {
    const [a, b] = [one[name], other[name]];
    if (a === undefined || b === undefined) return Infinity;
    const [expected, found] = [floatsOf(a), floatsOf(b)];
    for (let index = 0; index < expected.length; index += 1) {
      const difference = Math.abs((expected[index] ?? NaN) - (found[index] ?? NaN));
      if (difference > largest) largest = difference;
      else if (Number.isNaN(difference) && Number.isNaN(expected[index]) !== Number.isNaN(found[index]))
        return Infinity;
    }
  }
  return largest;
}
