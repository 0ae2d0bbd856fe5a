import type {Tensor} from '../../documents/tensor.ts';
import {floatsOf} from './floatsOf.ts';

/**
 * Largest absolute difference of any value; for strings and packed types 0 or Infinity, by whether the bytes are equal.
 * Two NaNs agree; one NaN is a difference that no tolerance covers.
 */
export function largestDifference(one: Tensor, other: Tensor | undefined): number {
  if (other === undefined || other.bytes.byteLength !== one.bytes.byteLength) return Infinity;
  if (isUncountable(one)) return one.bytes.every((byte, index) => byte === other.bytes[index]) ? 0 : Infinity;
  const [expected, found] = [floatsOf(one), floatsOf(other)];
  let largest = 0;
  for (let index = 0; index < expected.length; index += 1) {
    const [a, b] = [expected[index] ?? NaN, found[index] ?? NaN];
    // Equal infinities have no difference, although subtracting them gives NaN.
    const difference = a === b ? 0 : Math.abs(a - b);
    if (difference > largest) largest = difference;
    else if (Number.isNaN(difference) && Number.isNaN(a) !== Number.isNaN(b)) return Infinity;
  }
  return largest;
}

function isUncountable({elementType}: Tensor): boolean {
  return !/^(float(16|32|64)|u?int(8|16|32|64)|bool)$/.test(elementType);
}
