/**
 * Numbers from 0 to 1, the same for the same seed.
 * @see Tommy Ettinger's mulberry32
 */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As many numbers of the normal distribution with mean 0 and deviation 1. @see Box and Muller, 1958 */
export function normalNumbers(count: number, seed: number): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from(
    {length: count},
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
