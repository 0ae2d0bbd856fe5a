import type {IncomingHttpHeaders} from 'node:http';

/** How often a relay is to ask the same, which so crosses the link to it once. */
export interface Repetition {
  readonly atLeast: number;
  /** At most 1,000, for the times come back in a header. */
  readonly atMost: number;
  /** After that none is begun any more, save those that `atLeast` wants. */
  readonly withinMs: number;
  /** Before each. */
  readonly pauseMs: number;
}

const WANTED_FIELD = 'edgewise-repetition';
const TIMES_FIELD = 'edgewise-repeated-ms';
const MOST = 1000;

export function repetitionHeaders({atLeast, atMost, withinMs, pauseMs}: Repetition): Record<string, string> {
  return {[WANTED_FIELD]: [atLeast, atMost, withinMs, pauseMs].join(' ')};
}

/** `null`: the request is to be passed on once. */
export function repetitionFrom(headers: IncomingHttpHeaders): Repetition | null {
  const field = headers[WANTED_FIELD];
  if (typeof field !== 'string') return null;
  const [atLeast = NaN, atMost = NaN, withinMs = NaN, pauseMs = NaN] = field.split(' ').map(Number);
  const isUsable = atLeast >= 1 && atMost >= atLeast && atMost <= MOST && withinMs >= 0 && pauseMs >= 0;
  return isUsable ? {atLeast, atMost, withinMs, pauseMs} : null;
}

export function timesHeaders(timesMs: readonly number[]): Record<string, string> {
  return {[TIMES_FIELD]: timesMs.map(ms => ms.toFixed(3)).join(' ')};
}

/** What each request took, in order; `null`: nobody on the way repeats. */
export function timesFrom(headers: IncomingHttpHeaders): number[] | null {
  const field = headers[TIMES_FIELD];
  return typeof field === 'string' ? field.split(' ').map(Number) : null;
}
