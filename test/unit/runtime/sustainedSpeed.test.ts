import {expect, it} from 'vitest';
import {sustainedSpeedFrom, type TimedRun} from '../../../src/runtime/measure/sustainedSpeed.ts';

/** Runs one after the other for so long, each as slow as `tookMs` says at that moment. */
function runsFor(totalMs: number, tookMs: (atMs: number) => number): TimedRun[] {
  const runs: TimedRun[] = [];
  for (let atMs = 0; atMs < totalMs;) {
    const took = tookMs(atMs);
    atMs += took;
    runs.push({atMs, tookMs: took});
  }
  return runs;
}

it('compares the last fifth of the time with runs that had pauses', () => {
  const throttled = sustainedSpeedFrom(
    runsFor(10_000, atMs => (atMs < 5000 ? 20 : 30)),
    20,
  );
  expect(throttled?.slowdown).toBe(1.5);
  expect(throttled?.seconds).toBeCloseTo(10, 1);
  expect(
    sustainedSpeedFrom(
      runsFor(10_000, () => 20),
      20,
    )?.slowdown,
  ).toBe(1);
});

it('takes no notice of a fast beginning', () => {
  const started = runsFor(10_000, atMs => (atMs < 2500 ? 1 : 20));
  expect(sustainedSpeedFrom(started, 20)?.slowdown).toBe(1);
});

it('is deaf to a few disturbed runs', () => {
  const disturbed = runsFor(10_000, atMs => (atMs > 9000 && atMs < 9100 ? 100 : 20));
  expect(sustainedSpeedFrom(disturbed, 20)?.slowdown).toBe(1);
});

it('says nothing when too few runs fitted into the time', () => {
  expect(
    sustainedSpeedFrom(
      runsFor(1000, () => 100),
      100,
    ),
  ).toBeNull();
  expect(sustainedSpeedFrom([], 100)).toBeNull();
});
