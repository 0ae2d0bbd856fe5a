/** Sizes that kernels know: powers of two from 16 on. @see com.microsoft.MatMulNBits, attribute block_size */
export const BLOCK_SIZES = [16, 32, 64, 128, 256] as const;

export type BlockSize = (typeof BLOCK_SIZES)[number];

/** Weights that can be quantised in blocks. */
export interface SizedWeights {
  readonly count: number;
  /** Integers, scales and zero points, with what is padded. */
  bytesAt(blockSize: BlockSize): number;
}

/**
 * A block size for each of the weights: `preferred`, and larger ones where all together would take more than
 * `largestBytes`. Enlarged first is where that saves most bytes per weight and doubling, since the error grows with the
 * number of weights and with each doubling. When even the largest blocks take more, the smallest total there is.
 */
export function chooseBlockSizes<T extends SizedWeights>(
  weights: readonly T[],
  preferred: BlockSize,
  largestBytes: number,
): Map<T, BlockSize> {
  const chosen = new Map(weights.map(one => [one, preferred]));
  let total = weights.reduce((sum, one) => sum + one.bytesAt(preferred), 0);
  while (total > largestBytes) {
    let best: {weights: T; size: BlockSize; saved: number; gain: number} | null = null;
    for (const [one, size] of chosen) {
      for (const larger of BLOCK_SIZES.filter(other => other > size)) {
        const saved = one.bytesAt(size) - one.bytesAt(larger);
        const gain = saved / (one.count * Math.log2(larger / size));
        if (saved > 0 && gain > (best?.gain ?? 0)) best = {weights: one, size: larger, saved, gain};
      }
    }
    if (best === null) break;
    chosen.set(best.weights, best.size);
    total -= best.saved;
  }
  return chosen;
}
