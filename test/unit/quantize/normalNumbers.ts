import {seededNumbers} from '../../../src/documents/seededNumbers.ts';

/** As many numbers of the normal distribution with mean 0 and deviation 1. @see Box and Muller, 1958 */
export function normalNumbers(count: number, seed: number): Float32Array {
  const random = seededNumbers(seed);
  return Float32Array.from(
    {length: count},
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
