import type {GateResult} from '../../documents/rollout.ts';
import {judgeTimes} from '../../rollout/gates/judgeTimes.ts';
import {summarizeTimes} from './servingTimes.ts';

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
  /** The release before, measured the same way just before the switch. */
  readonly previous: {readonly medianMs: number; readonly p95Ms: number} | null;
}

export interface SpeedVerdict {
  readonly against: 'prediction' | 'previous';
  readonly verdict: GateResult['verdict'];
  readonly limitMs: number;
  /** Requests that took longer than the limit, which 5 % may. */
  readonly beyond: number;
  readonly samples: number;
}

/**
 * The p95 of a release's requests against what it may be; empty where there is nothing to hold it against. A tail alone fails
 * nothing in so short a time: it may be what else the device does. The median must have moved too, beyond what is predicted
 * for it, or by half of what p95 may.
 */
export function judgeSpeed(timesMs: readonly number[], limits: SpeedLimits | null): readonly SpeedVerdict[] {
  const medianMs = summarizeTimes(timesMs)?.medianMs;
  if (limits === null || medianMs === undefined) return [];
  const {predictedMs, previous, p95ToPrediction, p95ToPrevious, leastLimitMs = LEAST_LIMIT_MS} = limits;
  const against = (
    what: SpeedVerdict['against'],
    p95Ms: number,
    factor: number,
    medianLimitMs: number,
  ): SpeedVerdict => {
    const limitMs = Math.max(p95Ms * factor, leastLimitMs);
    const {verdict, beyond} = judgeTimes(timesMs, limitMs);
    const isTailAlone = verdict === 'fail' && medianMs <= medianLimitMs;
    return {
      against: what,
      limitMs,
      samples: timesMs.length,
      beyond,
      verdict: isTailAlone ? 'inconclusive' : verdict,
    };
  };
  return [
    ...(predictedMs === null ? [] : [against('prediction', predictedMs, p95ToPrediction, predictedMs)]),
    ...(previous === null
      ? []
      : [against('previous', previous.p95Ms, p95ToPrevious, (previous.medianMs * (1 + p95ToPrevious)) / 2)]),
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
