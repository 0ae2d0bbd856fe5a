import fc from 'fast-check';
import {expect, test} from 'vitest';
import {shareOverHops, wholeShares} from '../../../../src/placement/tiers/hopShares.ts';
import type {HopSpan} from '../../../../src/placement/tiers/hops.ts';

function span(first: number, end: number): HopSpan {
  return {link: 0, first, end, isUpRightwards: true};
}

test('a direct link that is cheaper than the way round is what its gaps are worth together', () => {
  const spans = [span(0, 1), span(1, 2), span(0, 2)];
  const shares = new Float64Array(2);
  shareOverHops(spans, [10, 10, 12], 2, 0, shares, 0);
  expect([...shares]).toEqual([10, 2]);
  shareOverHops(spans, [10, 10, 12], 2, 0b10, shares, 0);
  expect([...shares]).toEqual([2, 10]);
});

test('a gap that no link spans, or only links that may not be taken, can never be crossed', () => {
  const shares = new Float64Array(3);
  shareOverHops([span(0, 1), span(1, 2)], [5, Infinity], 3, 0, shares, 0);
  expect([...shares]).toEqual([5, Infinity, Infinity]);
  const whole = new Float64Array(3);
  wholeShares([span(0, 1), span(1, 2)], [5, Infinity], 3, shares, 0, whole);
  expect([...whole]).toEqual([5, Infinity, Infinity]);
});

test('no link is ever charged more than it costs, and no gap could be charged more', () => {
  const HOPS = 4;
  const spans = fc.uniqueArray(
    fc
      .record({first: fc.integer({min: 0, max: HOPS - 1}), length: fc.integer({min: 1, max: HOPS})})
      .map(({first, length}) => span(first, Math.min(HOPS, first + length))),
    {minLength: 1, maxLength: 6, selector: ({first, end}) => `${first} ${end}`},
  );
  fc.assert(
    fc.property(
      spans,
      fc.array(fc.integer({min: 0, max: 1000}), {minLength: 6, maxLength: 6}),
      fc.integer({min: 0, max: 15}),
      fc.integer({min: 0, max: 15}),
      fc.double({min: 0, max: 1, noNaN: true}),
      (links, allCosts, oneMask, otherMask, part) => {
        const costs = allCosts.slice(0, links.length);
        const one = new Float64Array(HOPS);
        const other = new Float64Array(HOPS);
        shareOverHops(links, costs, HOPS, oneMask, one, 0);
        shareOverHops(links, costs, HOPS, otherMask, other, 0);
        const mean = one.map((share, hop) =>
          share === Infinity ? Infinity : share * part + (other[hop] as number) * (1 - part),
        );
        const whole = new Float64Array(HOPS);
        wholeShares(links, costs, HOPS, mean, 0, whole);
        const charged = links.map(({first, end}) =>
          whole.slice(first, end).reduce((sum, share) => sum + share, 0),
        );
        charged.forEach((ns, index) => {
          expect(ns).toBeLessThanOrEqual(costs[index]!);
        });
        for (let hop = 0; hop < HOPS; hop++) {
          const isFull = links.some(
            ({first, end}, index) => first <= hop && hop < end && charged[index] === costs[index],
          );
          expect(isFull || whole[hop] === Infinity).toBe(true);
        }
      },
    ),
  );
});
