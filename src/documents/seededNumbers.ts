/**
 * What a seed in a document stands for: a sequence of numbers in [0, 1), the same everywhere, by Tommy Ettinger's mulberry32
 * (32-bit integer arithmetic). Seeds that are neighbours begin sequences that look alike: mix them first where that matters.
 */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
