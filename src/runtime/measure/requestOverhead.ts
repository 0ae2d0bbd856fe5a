import type {RepeatedMs} from '../server/servedModels.ts';
import {summarizeTimes} from './summarizeTimes.ts';

/**
 * What a request costs besides running the model: whole requests less the model's median run by itself. It therefore
 * holds all that serving adds, the slower run with caches that others have used included.
 */
export function requestOverheadFrom(totalMs: readonly number[], wholeRun: RepeatedMs): RepeatedMs {
  const total = summarizeTimes(totalMs);
  return {...total, medianMs: Math.max(0, total.medianMs - wholeRun.medianMs)};
}
