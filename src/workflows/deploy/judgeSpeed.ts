import type {GateResult} from '../../documents/rollout.ts';
import {judgeTimes} from '../../rollout/gates/judgeTimes.ts';

/** What a busy scheduler takes from a short request is no property of a release. */
const LEAST_LIMIT_MS = 10;

/** By how much p95 may be beyond a prediction, and beyond the p95 of the release before. */
export interface SpeedGates {
  readonly p95ToPrediction: number;
  readonly p95ToPrevious: number;
  /** So much is allowed whatever the factors say; 10 ms when left out. */
  readonly leastLimitMs?: number;
}

/** What the p95 of a release is held against; `null` where there is no such thing. */
export interface SpeedLimits extends SpeedGates {
  /** Where the median of requests is predicted to lie at most. */
  readonly predictedMs: number | null;
  /** Of the release before, measured the same way just before the switch. */
  readonly previousP95Ms: number | null;
}

export interface SpeedVerdict {
  readonly against: 'prediction' | 'previous';
  readonly verdict: GateResult['verdict'];
  readonly limitMs: number;
  /** Requests that took longer than the limit, which 5 % may. */
  readonly beyond: number;
  readonly samples: number;
}

/** The p95 of a release's requests against what it may be; empty where there is nothing to hold it against. */
export function judgeSpeed(timesMs: readonly number[], limits: SpeedLimits | null): readonly SpeedVerdict[] {
  if (limits === null || timesMs.length === 0) return [];
  const {leastLimitMs = LEAST_LIMIT_MS} = limits;
  const against = (what: SpeedVerdict['against'], baseMs: number | null, factor: number): SpeedVerdict[] => {
    if (baseMs === null) return [];
    const limitMs = Math.max(baseMs * factor, leastLimitMs);
    return [{against: what, limitMs, samples: timesMs.length, ...judgeTimes(timesMs, limitMs)}];
  };
  return [
    ...against('prediction', limits.predictedMs, limits.p95ToPrediction),
    ...against('previous', limits.previousP95Ms, limits.p95ToPrevious),
  ];
}

/**
 * Whether a release is to be taken back for its speed. One that is slower than predicted is not where the release before was
 * no faster: going back would mend nothing.
 */
export function isTooSlow(verdicts: readonly SpeedVerdict[]): boolean {
  const of = (what: SpeedVerdict['against']) => verdicts.find(({against}) => against === what)?.verdict;
  return of('previous') === 'fail' || (of('prediction') === 'fail' && of('previous') !== 'pass');
}

/** Fewer requests never pass: 0.95 to the power of 58 is more than 5 %. */
const LEAST_TO_PASS = 59;

/** Whether asking on would tell no more: nothing to go back for, and nothing open that requests like these could settle. */
export function isSpeedTold(verdicts: readonly SpeedVerdict[], samples: number): boolean {
  if (isTooSlow(verdicts)) return false;
  return samples < LEAST_TO_PASS || verdicts.every(({verdict}) => verdict !== 'inconclusive');
}

export function textFromSpeed({against, beyond, samples, limitMs}: SpeedVerdict): string {
  const whose = against === 'prediction' ? 'what is predicted allows' : 'the release before allows';
  return `${beyond} of ${samples} requests took longer than the ${limitMs.toFixed(2)} ms that ${whose}`;
}
