import type {Exchange} from './exchanges.ts';
import {interquartileMean} from './interquartileMean.ts';
import {fitLink, type LinkFit} from './fitLink.ts';
import {chooseSizes, EXCHANGES_A_TURN, SMALLEST_BYTES, turnsMs, type LinkSize} from './linkSizes.ts';

export interface MeasuredLink extends LinkFit {
  /** The smallest exchange there is. */
  readonly roundTripMs: number;
  /** Sizes fitted; each the interquartile mean of several exchanges. */
  readonly samples: number;
  readonly obtained: 'measured';
}

const WARM_UPS = 3;
const MOST_ROUNDS = 10;

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
  const measureOnce = async (size: LinkSize): Promise<number> => {
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
