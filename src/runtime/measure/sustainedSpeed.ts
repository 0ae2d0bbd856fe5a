import {median} from '../../engine/profileTrace.ts';

/** One of the runs without a pause between them: when it ended, since the first one began. */
export interface TimedRun {
  readonly atMs: number;
  readonly tookMs: number;
}

/** How much slower a machine gets when it works without a pause. */
export interface SustainedSpeed {
  /** The last fifth of the time against runs with pauses between them: 1.3 is 30 % slower. Below 1 it only got warm. */
  readonly slowdown: number;
  readonly seconds: number;
  readonly runs: number;
  readonly obtained: 'measured';
}

const COMPARED_SHARE = 0.2;
/** In that part; fewer say nothing. */
const LEAST_RUNS = 5;

/**
 * `null`: too few runs fitted into the time.
 * @param pausedMs what a run takes with pauses, which is what layer times add up to
 */
export function sustainedSpeedFrom(runs: readonly TimedRun[], pausedMs: number): SustainedSpeed | null {
  const totalMs = runs.at(-1)?.atMs ?? 0;
  const late = runs.filter(({atMs}) => atMs >= totalMs * (1 - COMPARED_SHARE));
  if (late.length < LEAST_RUNS) return null;
  return {
    slowdown: median(late.map(({tookMs}) => tookMs)) / pausedMs,
    seconds: totalMs / 1000,
    runs: runs.length,
    obtained: 'measured',
  };
}
