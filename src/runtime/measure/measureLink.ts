import {LARGEST_BYTES} from '../server/forwardModel.ts';
import type {Exchange} from './exchanges.ts';
import {interquartileMean} from './interquartileMean.ts';
import {fitLink, type LinkFit} from './fitLink.ts';

export interface MeasuredLink extends LinkFit {
  /** The smallest exchange there is. */
  readonly roundTripMs: number;
  /** Sizes fitted; each the interquartile mean of several exchanges. */
  readonly samples: number;
  readonly obtained: 'measured';
}

const SIZES_BYTES = [8 * 1024, 96 * 1024, LARGEST_BYTES];
const SMALLEST_BYTES = 16;
/** One size each way is the least that a fit needs, whatever it costs. */
const LEAST_SIZES = 1;
/** A size that is the link's largest is worth its time when it is so many times the one before. */
const LEAST_GROWTH = 2;
const WARM_UPS = 3;
/** Of one size. Requests follow others like them: the first after another size is not counted. */
const EXCHANGES_A_TURN = 3;
/** Of a new size, to learn what it takes. */
const LEARNING_EXCHANGES = 2;
/** Turns of each size: sizes are as large as leaves time for the fewest. */
const LEAST_ROUNDS = 2;
const MOST_ROUNDS = 10;

/** What goes each way in one exchange, and what such exchanges have taken so far. */
interface Size {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly measuredMs: number[];
  /** What the last one took of the budget, pause and all. */
  spentMs: number;
}

/** One way through the link, and the largest size measured on it so far. */
interface Direction {
  readonly exchanging: (bytes: number) => Size;
  largest: {readonly bytes: number; readonly spentMs: number};
  /** The largest that time allows was reached. */
  ended: boolean;
}

/**
 * Times exchanges of several sizes on a connection that is already open, as the agent keeps one, and fits a line to them.
 * The sizes take turns, so that a machine that is slower for a while is so for all alike: one size after the other, its
 * moods would be taken for the link's. Each way's sizes grow to what the time allows, so that on a slow link too a transfer
 * takes long beside the round trip, and all takes about `budgetMs`.
 * @throws ExpectedError `cloud-timeout`, `cloud-unreachable`, `cloud-error`
 */
export async function measureLink(
  exchange: Exchange,
  {budgetMs = 10_000}: {readonly budgetMs?: number} = {},
): Promise<MeasuredLink> {
  // The first exchange opens the connection; the next ones warm up the code of both ends.
  for (let i = 0; i < WARM_UPS; i++) await exchange(SMALLEST_BYTES, SMALLEST_BYTES);
  const startedMs = performance.now();
  const leftMs = () => budgetMs - (performance.now() - startedMs);
  const measureOnce = async (size: Size): Promise<number> => {
    const beforeMs = performance.now();
    const ms = await exchange(size.upBytes, size.downBytes);
    size.spentMs = performance.now() - beforeMs;
    return ms;
  };

  const sizes = await chooseSizes(measureOnce, leftMs);
  const enoughLeft = () => leftMs() >= turnsMs(sizes);
  for (let round = 0; round < MOST_ROUNDS && (round === 0 || enoughLeft()); round++)
    for (const size of sizes) {
      await measureOnce(size);
      for (let counted = 1; counted < EXCHANGES_A_TURN; counted++)
        size.measuredMs.push(await measureOnce(size));
    }

  const samples = sizes.map(({upBytes, downBytes, measuredMs}) => ({
    upBytes,
    downBytes,
    ms: interquartileMean(measuredMs),
  }));
  return {
    ...fitLink(samples),
    roundTripMs: samples[0]!.ms,
    samples: samples.length,
    obtained: 'measured',
  };
}

/** The smallest exchange, then larger ones each way as long as the time left is enough for the fewest turns of all. */
async function chooseSizes(
  measureOnce: (size: Size) => Promise<number>,
  leftMs: () => number,
): Promise<readonly Size[]> {
  // The shorter of two: after one that met a stall no larger size would seem to fit.
  const learn = async (size: Size): Promise<void> => {
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
function turnsMs(sizes: readonly Size[]): number {
  return EXCHANGES_A_TURN * sizes.reduce((sum, {spentMs}) => sum + spentMs, 0);
}

function sizeOf(upBytes: number, downBytes: number): Size {
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
