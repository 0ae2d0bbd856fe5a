import fc from 'fast-check';
import {expect, test} from 'vitest';
import {findRisingEnvelope, highestAt} from '../../src/placement/outlook/risingEnvelope.ts';
import type {RisingCost, RisingEnvelope} from '../../src/placement/outlook/risingEnvelope.ts';
import {sweepEnvelope} from '../../src/placement/outlook/sweepEnvelope.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

/** As many solutions as a search would choose from: each with one line or two, and with a limit or without. */
function randomCosts(next: () => number, lineCount: number, limited: boolean): RisingCost[] {
  const line = (): {atZero: number; slope: number} => ({
    atZero: Math.floor(next() * 100),
    slope: next() < 0.2 ? 0 : Math.floor(next() * 20),
  });
  return Array.from({length: 1 + Math.floor(next() * 25)}, (_, at) => ({
    key: `${at}`,
    lines: Array.from({length: lineCount}, line),
    limits: limited ? [{line: line(), most: 20 + Math.floor(next() * 130)}] : [],
  }));
}

function isAllowed({limits}: RisingCost, x: number): boolean {
  return limits.every(({line: {atZero, slope}, most}) => atZero + slope * x <= most);
}

function leastAt(costs: readonly RisingCost[], x: number, within: number): RisingCost | null {
  const allowed = costs.filter(cost => isAllowed(cost, within));
  return allowed.reduce<RisingCost | null>(
    (least, cost) => (least === null || highestAt(cost, x) < highestAt(least, x) ? cost : least),
    null,
  );
}

/** Tried at 40 places, of which it answers how many have nothing within the limits. `tolerance`: as a share of the least. */
function expectLeast(
  {pieces, offBy}: RisingEnvelope<RisingCost>,
  costs: readonly RisingCost[],
  next: () => number,
  tolerance: number,
): number {
  let impossible = 0;
  for (let at = 0; at < 40; at++) {
    const x = next() * 10;
    const {cost, from, to} = pieces.find(piece => x <= piece.to)!;
    // Where a limit is reached to a billionth, either answer is right.
    if (Math.min(x - from, to - x) < 1e-6) continue;
    const least = leastAt(costs, x, x);
    expect(cost === null).toBe(least === null);
    if (cost === null || least === null) {
      impossible += 1;
      continue;
    }
    expect(isAllowed(cost, x)).toBe(true);
    expect(highestAt(cost, x)).toBeLessThanOrEqual(highestAt(least, x) * (1 + offBy + tolerance) + 1e-9);
  }
  return impossible;
}

test.each([
  ['single lines', 1, false],
  ['single lines within limits', 1, true],
  ['the highest of two lines', 2, false],
  ['the highest of two lines within limits', 2, true],
])(
  '%s: at any x the least is what trying them all gives, or lies as near as is said',
  (_, count, limited) => {
    let pieces = 0;
    let impossible = 0;
    fc.assert(
      fc.property(fc.integer({min: 1, max: 2 ** 30}), one => {
        const next = seededNumbers(one);
        const costs = randomCosts(next, count, limited);
        const first = leastAt(costs, 1, 1) ?? costs[0]!;
        const found = findRisingEnvelope({
          from: 0,
          to: 10,
          zero: 0,
          solveAt: (x, within) => {
            const least = leastAt(costs, x, within);
            return {found: least, bound: least === null ? Infinity : highestAt(least, x)};
          },
          known: [first],
          mostSolves: 2000,
        });
        pieces += found.pieces.length;
        expect([found.pieces[0]!.from, found.pieces.at(-1)!.to]).toEqual([0, 10]);
        if (count === 1) expect(found.offBy).toBe(0);
        else expect(found.offBy).toBeLessThan(0.0101);
        impossible += expectLeast(found, costs, next, 2e-6);
      }),
      {numRuns: count === 1 ? 400 : 60},
    );
    expect(pieces).toBeGreaterThan(count === 1 ? 500 : 80);
    if (limited) expect(impossible).toBeGreaterThan(10);
  },
  60_000,
);

test.each([
  ['single lines within limits', 1, true],
  ['the highest of three lines', 3, false],
  ['the highest of three lines within limits', 3, true],
])(
  '%s, all known: at any x the least is what trying them all gives',
  (_, count, limited) => {
    let pieces = 0;
    let impossible = 0;
    fc.assert(
      fc.property(fc.integer({min: 1, max: 2 ** 30}), one => {
        const next = seededNumbers(one);
        const costs = randomCosts(next, count, limited);
        const found = sweepEnvelope(costs, 0, 10);
        pieces += found.pieces.length;
        expect(found.offBy).toBe(0);
        expect([found.pieces[0]!.from, found.pieces.at(-1)!.to]).toEqual([0, 10]);
        for (const [at, {from}] of found.pieces.entries())
          if (at > 0) expect(from).toBe(found.pieces[at - 1]!.to);
        impossible += expectLeast(found, costs, next, 1e-9);
      }),
      {numRuns: 400},
    );
    expect(pieces).toBeGreaterThan(500);
    if (limited) expect(impossible).toBeGreaterThan(10);
  },
  60_000,
);

test('an envelope of very many pieces is told with fewer, and says how far off they can be', () => {
  // Tangents of a parabola: each is the least somewhere.
  const costs = Array.from({length: 1000}, (_, at) => {
    const x = (at + 0.5) / 100;
    return {lines: [{atZero: 100 + x * x, slope: 20 - 2 * x}], limits: []};
  });
  const {pieces, offBy} = sweepEnvelope(costs, 0, 10);
  expect(pieces.length).toBeLessThanOrEqual(100);
  expect(offBy).toBeGreaterThan(0);
  for (let x = 0.005; x < 10; x += 0.01) {
    const {cost} = pieces.find(({to}) => x <= to)!;
    const least = Math.min(...costs.map(each => highestAt(each, x)));
    expect(highestAt(cost!, x)).toBeLessThanOrEqual((least / (1 - offBy)) * (1 + 1e-9));
  }
});

test('where the solves do not suffice it says that it does not know', () => {
  const costs = randomCosts(seededNumbers(7), 1, false);
  const {offBy} = findRisingEnvelope({
    from: 0,
    to: 10,
    zero: 0,
    solveAt: x => {
      const least = leastAt(costs, x, x)!;
      return {found: least, bound: highestAt(least, x)};
    },
    known: [costs[0]!],
    mostSolves: 1,
  });
  expect(offBy).toBe(Infinity);
});
