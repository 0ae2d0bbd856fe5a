import fc from 'fast-check';
import {expect, it} from 'vitest';
import {binomialLowerTail, binomialUpperTail} from '../../../src/rollout/binomial.ts';

/** Pascal's triangle, exact in doubles for so few trials. */
function bruteUpperTail(k: number, n: number, p: number): number {
  let row = [1];
  for (let trial = 0; trial < n; trial++) row = [1, ...row.map((value, at) => value + (row[at + 1] ?? 0))];
  return row.reduce((sum, ways, hits) => sum + (hits >= k ? ways * p ** hits * (1 - p) ** (n - hits) : 0), 0);
}

it('the tails are the sums of the terms', () => {
  fc.assert(
    fc.property(
      fc.integer({min: 0, max: 40}),
      fc.integer({min: 0, max: 42}),
      fc.double({min: 0.001, max: 0.999, noNaN: true}),
      (n, k, p) => {
        expect(binomialUpperTail(k, n, p)).toBeCloseTo(bruteUpperTail(k, n, p), 9);
        expect(binomialLowerTail(k, n, p)).toBeCloseTo(1 - bruteUpperTail(k + 1, n, p), 9);
      },
    ),
  );
});

it('59 requests are the fewest whose largest is above the 95th percentile with 95 % confidence', () => {
  expect(binomialLowerTail(0, 58, 0.05)).toBeGreaterThan(0.05);
  expect(binomialLowerTail(0, 59, 0.05)).toBeLessThan(0.05);
});

it('a million trials neither overflow nor take long', () => {
  expect(binomialUpperTail(50_000, 1_000_000, 0.05)).toBeCloseTo(0.5, 2);
  expect(binomialUpperTail(60_000, 1_000_000, 0.05)).toBeLessThan(1e-100);
});
