import {LARGEST_BYTES} from '../server/forwardModel.ts';
import type {Exchange} from './exchanges.ts';
import {interquartileMean} from './interquartileMean.ts';
import {fitLink, type LinkFit, type LinkSample} from './fitLink.ts';

export interface MeasuredLink extends LinkFit {
  /** The smallest exchange there is. */
  readonly roundTripMs: number;
  /** Sizes fitted; each the interquartile mean of several exchanges. */
  readonly samples: number;
  readonly obtained: 'measured';
}

const SIZES_BYTES = [1024, 8 * 1024, 32 * 1024, 128 * 1024, 512 * 1024, LARGEST_BYTES];
const SMALLEST_BYTES = 16;
/** Of each size, at most. */
const EXCHANGES = 16;

/**
 * Times exchanges of several sizes on a connection that is already open, as the agent keeps one, and fits a line to them.
 * Slow links are measured with smaller sizes, so that it takes about `budgetMs`.
 * @throws ExpectedError `cloud-timeout`, `cloud-unreachable`, `cloud-error`
 */
export async function measureLink(
  exchange: Exchange,
  {budgetMs = 10_000}: {readonly budgetMs?: number} = {},
): Promise<MeasuredLink> {
  // The first exchange opens the connection; the next ones warm up the code of both ends.
  for (let i = 0; i < 3; i++) await exchange(SMALLEST_BYTES, SMALLEST_BYTES);
  const startedMs = performance.now();
  const leftMs = () => budgetMs - (performance.now() - startedMs);

  const measureMean = async (upBytes: number, downBytes: number, times: number): Promise<LinkSample> => {
    const measuredMs: number[] = [];
    while (measuredMs.length < times) measuredMs.push(await exchange(upBytes, downBytes));
    return {upBytes, downBytes, ms: interquartileMean(measuredMs)};
  };

  const smallest = await measureMean(SMALLEST_BYTES, SMALLEST_BYTES, EXCHANGES);
  const samples: LinkSample[] = [smallest];
  const directions = [
    (bytes: number) => [bytes, SMALLEST_BYTES] as const,
    (bytes: number) => [SMALLEST_BYTES, bytes] as const,
  ];
  // What one exchange of the next size may cost in each direction, guessed from the size before it.
  const lastMs = [smallest.ms, smallest.ms];
  let lastBytes = SMALLEST_BYTES;
  for (const bytes of SIZES_BYTES) {
    for (const [index, sizesOf] of directions.entries()) {
      const guessedMs = Math.max(
        smallest.ms,
        (lastMs[index]! - smallest.ms) * (bytes / lastBytes) + smallest.ms,
      );
      const shareMs = leftMs() / (2 * (SIZES_BYTES.length - SIZES_BYTES.indexOf(bytes)));
      const times = Math.min(EXCHANGES, Math.floor(shareMs / guessedMs));
      // Two sizes each way are the least that a fit needs, whatever they cost.
      if (times < 1 && bytes > SIZES_BYTES[1]!) continue;
      const [upBytes, downBytes] = sizesOf(bytes);
      const sample = await measureMean(upBytes, downBytes, Math.max(times, 1));
      samples.push(sample);
      lastMs[index] = sample.ms;
    }
    lastBytes = bytes;
  }
  return {...fitLink(samples), roundTripMs: smallest.ms, samples: samples.length, obtained: 'measured'};
}
