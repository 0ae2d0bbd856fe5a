import fc from 'fast-check';
import {expect, test} from 'vitest';
import {solveMaster} from '../../../../src/placement/tiers/masterProgram.ts';
import type {MasterColumn, Multipliers} from '../../../../src/placement/tiers/masterProgram.ts';

/** What the cheapest of the columns costs under some multipliers: what the program is to make as large as it gets. */
function cheapestNs(
  columns: readonly MasterColumn[],
  {weights, prices}: Pick<Multipliers, 'weights' | 'prices'>,
): number {
  return Math.min(
    ...columns.map(
      ({stageNs, overBytes}) =>
        stageNs.reduce((sum, ns, stage) => sum + ns * weights[stage]!, 0) +
        overBytes.reduce((sum, bytes, limit) => sum + bytes * prices[limit]!, 0),
    ),
  );
}

test('two lines of cost over price meet where the price is best', () => {
  // 100 + 10·p and 400 − 20·p are both 200 at p = 10.
  const {weights, prices, valueNs} = solveMaster(
    [
      {stageNs: [100], overBytes: [10]},
      {stageNs: [400], overBytes: [-20]},
    ],
    1e6,
  );
  expect(weights).toEqual([1]);
  expect(prices[0]).toBeCloseTo(10, 9);
  expect(valueNs).toBeCloseTo(200, 6);
});

test('while every assignment is over the limit the price is the highest allowed', () => {
  const {prices, valueNs} = solveMaster([{stageNs: [100], overBytes: [10]}], 50);
  expect(prices[0]).toBeCloseTo(50, 9);
  expect(valueNs).toBeCloseTo(600, 6);
});

test('stages that can be evened out weigh so that no mixture is better', () => {
  // Half of each takes 60 on both stages.
  const {weights, valueNs} = solveMaster(
    [
      {stageNs: [120, 0], overBytes: []},
      {stageNs: [0, 120], overBytes: []},
    ],
    0,
  );
  expect(weights[0]).toBeCloseTo(0.5, 9);
  expect(valueNs).toBeCloseTo(60, 6);
});

test('no other weights and prices make the cheapest assignment dearer', () => {
  const amounts = (length: number, min: number, max: number) =>
    fc.array(fc.integer({min, max}), {minLength: length, maxLength: length});
  fc.assert(
    fc.property(
      fc.integer({min: 1, max: 5}).chain(stages =>
        fc.integer({min: 0, max: 3}).chain(limits =>
          fc.record({
            columns: fc.array(
              fc.record({stageNs: amounts(stages, 0, 1_000_000), overBytes: amounts(limits, -5000, 5000)}),
              {minLength: 1, maxLength: 12},
            ),
            others: fc.array(
              fc.record({
                parts: amounts(stages, 1, 100),
                prices: fc.array(fc.double({min: 0, max: 1000, noNaN: true}), {
                  minLength: limits,
                  maxLength: limits,
                }),
              }),
              {minLength: 20, maxLength: 20},
            ),
          }),
        ),
      ),
      ({columns, others}) => {
        const solved = solveMaster(columns, 1000);
        const tolerance = 1e-6 * Math.max(1, ...columns.flatMap(({stageNs}) => stageNs), 5_000_000);
        // What it promises is reached by multipliers that are allowed …
        expect(Math.abs(cheapestNs(columns, solved) - solved.valueNs)).toBeLessThan(tolerance);
        expect(Math.abs(solved.weights.reduce((sum, weight) => sum + weight, 0) - 1)).toBeLessThan(1e-9);
        for (const price of solved.prices) expect(price).toBeLessThanOrEqual(1000 * (1 + 1e-9));
        // … and by no others exceeded.
        for (const {parts, prices} of others) {
          const sum = parts.reduce((total, part) => total + part, 0);
          const weights = parts.map(part => part / sum);
          expect(cheapestNs(columns, {weights, prices})).toBeLessThan(solved.valueNs + tolerance);
        }
      },
    ),
    {numRuns: 300, seed: 7},
  );
});
