import type {GateResult} from '../../documents/rollout.ts';
import {judgeTimes} from '../../rollout/gates/judgeTimes.ts';
import {quantile} from '../../runtime/measure/quantile.ts';

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
 * The p95 of a release's requests against what it may be; empty where there is nothing to hold it against. A slow tail alone
 * fails nothing in so short a time: it may be what else the device does. Three in four requests must have taken longer than
 * the factor allows the median.
 */
export function judgeSpeed(timesMs: readonly number[], limits: SpeedLimits | null): readonly SpeedVerdict[] {
  if (limits === null || timesMs.length === 0) return [];
  const {predictedMs, previous, p95ToPrediction, p95ToPrevious, leastLimitMs = LEAST_LIMIT_MS} = limits;
  const fastestQuarterMs = quantile(
    [...timesMs].sort((a, b) => a - b),
    0.25,
  );
  const against = (
    what: SpeedVerdict['against'],
    {medianMs, p95Ms}: {readonly medianMs: number; readonly p95Ms: number},
    factor: number,
  ): SpeedVerdict => {
    const limitMs = Math.max(p95Ms * factor, leastLimitMs);
    const {verdict, beyond} = judgeTimes(timesMs, limitMs);
    const isTailAlone = fastestQuarterMs <= Math.max(medianMs * factor, leastLimitMs);
    return {
      against: what,
      limitMs,
      samples: timesMs.length,
      beyond,
      verdict: verdict === 'fail' && isTailAlone ? 'inconclusive' : verdict,
    };
  };
  return [
    ...(predictedMs === null
      ? []
      : [against('prediction', {medianMs: predictedMs, p95Ms: predictedMs}, p95ToPrediction)]),
    ...(previous === null ? [] : [against('previous', previous, p95ToPrevious)]),
  ];
}

/**
 * Whether a release is to be taken back for its speed: it is slower than the one before, and that was not to be expected.
 * One that is as predicted is what was asked for, however slow. One that is slower than predicted is not taken back where
 * there was none before, or one that was no faster: that would mend nothing.
 */
export function isTooSlow(verdicts: readonly SpeedVerdict[]): boolean {
  const of = (what: SpeedVerdict['against']) => verdicts.find(({against}) => against === what)?.verdict;
  const previous = of('previous');
  const prediction = of('prediction');
  if (prediction === undefined) return previous === 'fail';
  return prediction === 'fail' && (previous === 'fail' || previous === 'inconclusive');
}

export function textFromSpeed({against, beyond, samples, limitMs}: SpeedVerdict): string {
  const whose = against === 'prediction' ? 'what is predicted allows' : 'the release before allows';
  return `${beyond} of ${samples} requests took longer than the ${limitMs.toFixed(2)} ms that ${whose}`;
}

/** Why a release stays although a verdict on it is a failure; only where `isTooSlow` is not so. */
export function whyItStays(verdicts: readonly SpeedVerdict[]): string {
  const of = (what: SpeedVerdict['against']) => verdicts.find(({against}) => against === what)?.verdict;
  if (of('prediction') !== 'fail') return 'its plan predicts as much';
  return of('previous') === undefined ? 'there was no release before' : 'the release before was no faster';
}
