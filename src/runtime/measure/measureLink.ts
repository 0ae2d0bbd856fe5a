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

const SIZES_BYTES = [1024, 8 * 1024, 96 * 1024, LARGEST_BYTES];
const SMALLEST_BYTES = 16;
/** Two sizes each way are the least that a fit needs, whatever they cost. */
const LEAST_SIZES = 2;
const WARM_UPS = 3;
/** Of one size. Requests follow others like them: the first after another size is not counted. */
const EXCHANGES_A_TURN = 3;
/** Turns of each size, at most. */
const ROUNDS = 10;

/** What goes each way in one exchange, and what such exchanges have taken so far. */
interface Size {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly measuredMs: number[];
  /** What the last one took of the budget, pause and all. */
  spentMs: number;
}

/**
 * Times exchanges of several sizes on a connection that is already open, as the agent keeps one, and fits a line to them.
 * The sizes take turns, so that a machine that is slower for a while is so for all alike: one size after the other, its
 * moods would be taken for the link's. Slow links are measured with smaller sizes, so that it takes about `budgetMs`.
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
  /** Tells what the next size will take, and is not counted. */
  const spentOn = async (size: Size): Promise<number> => {
    await measureOnce(size);
    return size.spentMs;
  };

  const smallest = sizeOf(SMALLEST_BYTES, SMALLEST_BYTES);
  const sizes = [smallest];
  let roundMs = await spentOn(smallest);
  let [lastBytes, lastUpMs, lastDownMs] = [SMALLEST_BYTES, roundMs, roundMs];
  for (const [index, bytes] of SIZES_BYTES.entries()) {
    const growth = bytes / lastBytes;
    const guessMs = (lastMs: number) => Math.max(0, lastMs - smallest.spentMs) * growth + smallest.spentMs;
    const guessedMs = guessMs(lastUpMs) + guessMs(lastDownMs);
    if (index >= LEAST_SIZES && leftMs() < EXCHANGES_A_TURN * (roundMs + guessedMs)) break;
    const [up, down] = [sizeOf(bytes, SMALLEST_BYTES), sizeOf(SMALLEST_BYTES, bytes)];
    [lastBytes, lastUpMs, lastDownMs] = [bytes, await spentOn(up), await spentOn(down)];
    sizes.push(up, down);
    roundMs += lastUpMs + lastDownMs;
  }
  for (let round = 0; round < ROUNDS && (round === 0 || leftMs() >= EXCHANGES_A_TURN * roundMs); round++)
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

function sizeOf(upBytes: number, downBytes: number): Size {
  return {upBytes, downBytes, measuredMs: [], spentMs: 0};
}
