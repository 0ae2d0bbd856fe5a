import {LARGEST_BYTES} from '../server/forwardModel.ts';

const SIZES_BYTES = [8 * 1024, 96 * 1024, LARGEST_BYTES];
export const SMALLEST_BYTES = 16;
/** One size each way is the least that a fit needs, whatever it costs. */
const LEAST_SIZES = 1;
/** A size that is the link's largest is worth its time when it is so many times the one before. */
const LEAST_GROWTH = 2;
/** Of one size. Requests follow others like them: the first after another size is not counted. */
export const EXCHANGES_A_TURN = 3;
/** Of a new size, to learn what it takes. */
const LEARNING_EXCHANGES = 2;
/** Turns of each size: sizes are as large as leaves time for the fewest. */
const LEAST_ROUNDS = 2;

/** What goes each way in one exchange, and what such exchanges have taken so far. */
export interface LinkSize {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly measuredMs: number[];
  /** What the last one took of the budget, pause and all. */
  spentMs: number;
}

/** One way through the link, and the largest size measured on it so far. */
interface Direction {
  readonly exchanging: (bytes: number) => LinkSize;
  largest: {readonly bytes: number; readonly spentMs: number};
  /** The largest that time allows was reached. */
  ended: boolean;
}

/** The smallest exchange, then larger ones each way as long as the time left is enough for the fewest turns of all. */
export async function chooseSizes(
  measureOnce: (size: LinkSize) => Promise<number>,
  leftMs: () => number,
): Promise<readonly LinkSize[]> {
  // The shorter of two: after one that met a stall no larger size would seem to fit.
  const learn = async (size: LinkSize): Promise<void> => {
    const spentMs: number[] = [];
    for (let i = 0; i < LEARNING_EXCHANGES; i++) {
      await measureOnce(size);
      spentMs.push(size.spentMs);
    }
    size.spentMs = Math.min(...spentMs);
  };
  const smallest = sizeOf(SMALLEST_BYTES, SMALLEST_BYTES);
  await learn(smallest);
  const sizes = [smallest];
  const directions: Direction[] = [
    (bytes: number) => sizeOf(bytes, SMALLEST_BYTES),
    (bytes: number) => sizeOf(SMALLEST_BYTES, bytes),
  ].map(exchanging => ({
    exchanging,
    largest: {bytes: SMALLEST_BYTES, spentMs: smallest.spentMs},
    ended: false,
  }));
  for (const [index, wantedBytes] of SIZES_BYTES.entries())
    for (const direction of directions) {
      if (direction.ended) continue;
      const shares = directions.filter(({ended}) => !ended).length;
      // Of a new size there are more exchanges than its turns: those that tell what it takes.
      const allowedMs =
        (leftMs() - LEAST_ROUNDS * turnsMs(sizes)) /
        shares /
        (LEARNING_EXCHANGES + LEAST_ROUNDS * EXCHANGES_A_TURN);
      const bytes =
        index < LEAST_SIZES
          ? wantedBytes
          : largestWithin(allowedMs, wantedBytes, direction.largest, smallest.spentMs);
      direction.ended = bytes < wantedBytes;
      if (direction.ended && bytes < LEAST_GROWTH * direction.largest.bytes) continue;
      const size = direction.exchanging(bytes);
      await learn(size);
      direction.largest = {bytes, spentMs: size.spentMs};
      sizes.push(size);
    }
  return sizes;
}

/** What one turn of each takes, in ms. */
export function turnsMs(sizes: readonly LinkSize[]): number {
  return EXCHANGES_A_TURN * sizes.reduce((sum, {spentMs}) => sum + spentMs, 0);
}

function sizeOf(upBytes: number, downBytes: number): LinkSize {
  return {upBytes, downBytes, measuredMs: [], spentMs: 0};
}

/**
 * The largest size, at most `bytes`, whose exchange takes no longer than `allowedMs`, by the line through the smallest
 * exchange and the largest so far.
 */
function largestWithin(
  allowedMs: number,
  bytes: number,
  largest: Direction['largest'],
  smallestMs: number,
): number {
  const msPerByte = Math.max(0, largest.spentMs - smallestMs) / largest.bytes;
  if (smallestMs + msPerByte * bytes <= allowedMs) return bytes;
  return msPerByte === 0 ? 0 : Math.max(0, Math.floor((allowedMs - smallestMs) / msPerByte));
}
