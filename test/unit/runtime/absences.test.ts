import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {watchAbsences} from '../../../src/runtime/agent/absences.ts';

const URL = 'http://cloud:8000';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('a machine is asked whether it is back ever more rarely, and told of once', async () => {
  const looks: number[] = [];
  const lines: string[] = [];
  let isBack = false;
  const startMs = performance.now();
  const absences = watchAbsences(
    () => {
      looks.push(Math.round((performance.now() - startMs) / 1000));
      return Promise.resolve(isBack);
    },
    line => lines.push(line),
  );
  expect(absences.isGone(URL)).toBe(false);
  absences.noteGone(URL, 'no answer');
  absences.noteGone(URL, 'no answer either');
  expect(absences.isGone(URL)).toBe(true);
  await vi.advanceTimersByTimeAsync(46_000);
  expect(looks).toEqual([1, 3, 7, 15, 30, 45]);
  isBack = true;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(absences.isGone(URL)).toBe(false);
  expect(lines).toEqual(['answering alone: no answer', `${URL} is back: it is asked again`]);
  absences.close();
});

it('one that says it is ready and fails again is trusted more rarely, until it has been well for a while', async () => {
  const absences = watchAbsences(
    () => Promise.resolve(true),
    () => {},
  );
  const secondsGone = async (): Promise<number> => {
    absences.noteGone(URL, 'no answer');
    let seconds = 0;
    for (; absences.isGone(URL); seconds++) await vi.advanceTimersByTimeAsync(1000);
    return seconds;
  };
  const relapses: number[] = [];
  for (let time = 0; time < 6; time++) relapses.push(await secondsGone());
  expect(relapses).toEqual([1, 2, 4, 8, 15, 15]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await secondsGone()).toBe(1);
  absences.close();
});

it('closing ends the looking', async () => {
  const isReady = vi.fn(() => Promise.resolve(false));
  const absences = watchAbsences(isReady, () => {});
  absences.noteGone(URL, 'no answer');
  absences.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isReady).not.toHaveBeenCalled();
});
