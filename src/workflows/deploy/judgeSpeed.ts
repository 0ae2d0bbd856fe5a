import type {GateResult} from '../../documents/rollout.ts';
import {judgeTimes} from '../../rollout/gates/judgeTimes.ts';

/** What the p95 of a release is held against; `null` where there is no such thing. */
export interface SpeedLimits {
  /** Where the median of requests is predicted to lie at most. */
  readonly predictedMs: number | null;
  readonly p95ToPrediction: number;
  /** Of the release before, measured the same way just before the switch. */
  readonly previousP95Ms: number | null;
  readonly p95ToPrevious: number;
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
  const against = (what: SpeedVerdict['against'], base: number | null, factor: number): SpeedVerdict[] =>
    base === null || base === 0
      ? []
      : [
          {
            against: what,
            limitMs: base * factor,
            samples: timesMs.length,
            ...judgeTimes(timesMs, base * factor),
          },
        ];
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

export function textFromSpeed({against, beyond, samples, limitMs}: SpeedVerdict): string {
  const whose = against === 'prediction' ? 'what is predicted allows' : 'the release before allows';
  return `${beyond} of ${samples} requests took longer than the ${limitMs.toFixed(2)} ms that ${whose}`;
}
