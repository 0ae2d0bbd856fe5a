import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {measureReheating, medianOf, reheatingAfter} from '../../../src/lab/reheating.ts';

const measured = [
  {workingSetBytes: 1000, pauseNs: 1e6, costNs: 10},
  {workingSetBytes: 1000, pauseNs: 4e6, costNs: 40},
  {workingSetBytes: 4000, pauseNs: 1e6, costNs: 100},
  {workingSetBytes: 4000, pauseNs: 4e6, costNs: 400},
];

describe('what going on after a pause costs', () => {
  it.each([
    ['nothing without a pause', 0, 4000, 0],
    ['nothing without memory', 4e6, 0, 0],
    ['what was measured', 4e6, 4000, 400],
    ['half as much between no pause and the shortest one', 0.5e6, 4000, 50],
    ['in between, between two pauses', 2.5e6, 1000, 25],
    ['in between, between two working sets', 4e6, 2500, 220],
    ['its share of what the smallest working set costs', 4e6, 500, 20],
    ['the same after any longer pause', 1e9, 1000, 40],
    ['in proportion for more memory than was measured', 4e6, 8000, 800],
  ])('%s', (_, pauseNs, bytes, costNs) => {
    expect(reheatingAfter(measured, pauseNs, bytes)).toBeCloseTo(costNs, 9);
  });

  it('nothing where nothing was measured', () => {
    expect(reheatingAfter([], 1e6, 1000)).toBe(0);
  });

  it('never less after a longer pause', () => {
    const pause = fc.double({min: 0, max: 20e6, noNaN: true});
    fc.assert(
      fc.property(pause, pause, fc.nat(10_000), (one, other, bytes) => {
        const [shorter, longer] = [Math.min(one, other), Math.max(one, other)];
        const costNs = reheatingAfter(measured, longer, bytes);
        expect(costNs).toBeGreaterThanOrEqual(reheatingAfter(measured, shorter, bytes) - 1e-9);
      }),
    );
  });
});

it('is measured on this machine: never negative, never less after a longer rest', () => {
  const rows = measureReheating(2 ** 18);
  for (const [index, {workingSetBytes, pauseNs, costNs}] of rows.entries()) {
    const before = rows[index - 1];
    if (before?.workingSetBytes === workingSetBytes) {
      expect(pauseNs).toBeGreaterThan(before.pauseNs);
      expect(costNs).toBeGreaterThanOrEqual(before.costNs);
    } else expect(costNs).toBeGreaterThanOrEqual(0);
  }
});

it('medianOf passes over what is far off', () => {
  expect(medianOf([3, 1000, 1, 2, 4])).toBe(3);
  expect(medianOf([])).toBe(0);
});
