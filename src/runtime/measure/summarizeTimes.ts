import {median} from '../../engine/profileTrace.ts';
import type {RepeatedMs} from '../server/servedModels.ts';

/** Median and median absolute deviation, which a few disturbed runs do not move. */
export function summarizeTimes(timesMs: readonly number[]): RepeatedMs {
  const medianMs = median(timesMs);
  const spreadMs = median(timesMs.map(time => Math.abs(time - medianMs)));
  return {medianMs, spreadMs, runs: timesMs.length, obtained: 'measured'};
}
