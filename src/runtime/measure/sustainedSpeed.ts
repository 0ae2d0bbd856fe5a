import {median} from '../../engine/profileTrace.ts';

/** One of the runs without a pause between them: when it ended, since the first one began. */
export interface TimedRun {
  readonly atMs: number;
  readonly tookMs: number;
}

/** How much slower a machine gets when it works without a pause. */
export interface SustainedSpeed {
  /** The last fifth of the time against the first: 1.3 is 30 % slower. Below 1 a machine only got warm. */
  readonly slowdown: number;
  readonly seconds: number;
  readonly runs: number;
  readonly obtained: 'measured';
}

const COMPARED_SHARE = 0.2;
/** In each of the two parts; fewer say nothing. */
const LEAST_RUNS = 5;

/** `null`: too few runs fitted into the time. */
export function sustainedSpeedFrom(runs: readonly TimedRun[]): SustainedSpeed | null {
  const totalMs = runs.at(-1)?.atMs ?? 0;
  const early = runs.filter(({atMs}) => atMs <= totalMs * COMPARED_SHARE);
  const late = runs.filter(({atMs}) => atMs >= totalMs * (1 - COMPARED_SHARE));
  if (early.length < LEAST_RUNS || late.length < LEAST_RUNS) return null;
  const tookMs = (some: readonly TimedRun[]): number => median(some.map(run => run.tookMs));
  return {
    slowdown: tookMs(late) / tookMs(early),
    seconds: totalMs / 1000,
    runs: runs.length,
    obtained: 'measured',
  };
}
