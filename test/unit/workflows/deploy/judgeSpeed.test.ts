import {describe, expect, it} from 'vitest';
import {
  isTooSlow,
  judgeSpeed,
  whyItStays,
  type SpeedLimits,
} from '../../../../src/workflows/deploy/judgeSpeed.ts';

const LIMITS: SpeedLimits = {
  predictedMs: 10,
  p95ToPrediction: 2,
  previous: {medianMs: 8, p95Ms: 12},
  p95ToPrevious: 1.5,
  leastLimitMs: 0,
};

/** So many requests of 11 ms, of which so many took 19 ms (beyond 18, within 20) or 25 ms (beyond both). */
function times(count: number, {slow = 0, slower = 0}: {slow?: number; slower?: number} = {}): number[] {
  return Array.from({length: count}, (_, at) => (at < slower ? 25 : at < slower + slow ? 19 : 11));
}

describe('the speed of a release', () => {
  // 59 is the least with which 0.95^n is below 5 %; the counts are those of the binomial distribution with 5 %.
  for (const [title, timesMs, limits, verdicts, isBack] of [
    ['60 fast requests', times(60), LIMITS, ['pass', 'pass'], false],
    ['58 fast requests', times(58), LIMITS, ['inconclusive', 'inconclusive'], false],
    ['one slow request in 60', times(60, {slower: 1}), LIMITS, ['inconclusive', 'inconclusive'], false],
    ['44 slow requests in 60', times(60, {slower: 44}), LIMITS, ['inconclusive', 'inconclusive'], false],
    ['46 slow requests in 60', times(60, {slower: 46}), LIMITS, ['fail', 'fail'], true],
    ['16 slow requests in 20', times(20, {slower: 16}), LIMITS, ['fail', 'fail'], true],
    ['slower than before, as predicted', times(60, {slow: 50}), LIMITS, ['pass', 'fail'], false],
    [
      'slower than before, nothing predicted',
      times(60, {slow: 50}),
      {...LIMITS, predictedMs: null},
      ['fail'],
      true,
    ],
    [
      'slower than predicted, as before',
      times(60, {slower: 50}),
      {...LIMITS, previous: {medianMs: 11, p95Ms: 24}},
      ['fail', 'pass'],
      false,
    ],
    [
      'slower than predicted, and first',
      times(60, {slower: 50}),
      {...LIMITS, previous: null},
      ['fail'],
      false,
    ],
    [
      'neither predicted nor the second',
      times(60, {slower: 60}),
      {...LIMITS, predictedMs: null, previous: null},
      [],
      false,
    ],
    ['without requests', [], LIMITS, [], false],
  ] as const) {
    it(`with ${title} is ${isBack ? 'a reason to go back' : 'no reason to go back'}`, () => {
      const judged = judgeSpeed(timesMs, limits);
      expect(judged.map(({verdict}) => verdict)).toEqual(verdicts);
      expect(isTooSlow(judged)).toBe(isBack);
    });
  }

  it('is not judged by factors where requests are short', () => {
    const short = {predictedMs: 1, p95ToPrediction: 2, previous: {medianMs: 1, p95Ms: 1}, p95ToPrevious: 1.5};
    expect(
      judgeSpeed(new Array<number>(60).fill(9), short).map(({limitMs, verdict}) => [limitMs, verdict]),
    ).toEqual([
      [10, 'pass'],
      [10, 'pass'],
    ]);
    expect(isTooSlow(judgeSpeed(times(60, {slow: 60}), short))).toBe(true);
  });

  it('does not fail for its tail alone: three in four requests must take longer', () => {
    const verdictsOf = (slower: number) =>
      judgeSpeed(times(60, {slower}), LIMITS).map(({verdict}) => verdict);
    expect(verdictsOf(30)).toEqual(['inconclusive', 'inconclusive']);
    expect(verdictsOf(50)).toEqual(['fail', 'fail']);
  });

  it('that is not taken back stays for a reason', () => {
    const slow = times(60, {slower: 60});
    const why = (limits: Partial<SpeedLimits>) => {
      const judged = judgeSpeed(slow, {...LIMITS, ...limits});
      expect(isTooSlow(judged)).toBe(false);
      return whyItStays(judged);
    };
    expect(why({previous: null})).toBe('there was no release before');
    expect(why({previous: {medianMs: 24, p95Ms: 30}})).toBe('the release before was no faster');
    expect(why({predictedMs: 20})).toBe('its plan predicts as much');
  });

  it('is not judged where others judge it', () => {
    expect(isTooSlow(judgeSpeed(times(60, {slower: 60}), null))).toBe(false);
  });
});
