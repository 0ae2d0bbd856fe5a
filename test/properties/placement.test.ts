import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {chainCuts} from '../../src/placement/chainCuts.ts';
import {choosePlacement} from '../../src/placement/choosePlacement.ts';
import type {Placement} from '../../src/placement/choosePlacement.ts';
import {costOfPlacement} from '../../src/placement/costOfPlacement.ts';
import type {ProblemTier} from '../../src/placement/costOfPlacement.ts';
import {nearestChanges} from '../../src/placement/envelope/nearestChanges.ts';
import {findPresentEnvelope} from '../../src/placement/envelope/placementEnvelope.ts';
import type {PlacementProblem} from '../../src/placement/problem.ts';
import {bruteForce, countOnDevice, randomProblem} from './randomProblems.ts';

function placementOrNull(problem: PlacementProblem): Placement | null {
  try {
    return choosePlacement(problem);
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}

test('on 2,000 random graphs of up to 14 layers the plan equals brute force, ties going to the device', () => {
  let feasible = 0;
  let splits = 0;
  fc.assert(
    fc.property(randomProblem(14), problem => {
      const expected = bruteForce(problem);
      const placement = placementOrNull(problem);
      expect(
        placement === null ? null : {costNs: placement.costNs, deviceLayers: countOnDevice(placement.tiers)},
      ).toEqual(expected);
      if (placement === null) return;
      feasible += 1;
      if (new Set(placement.tiers).size === 2) splits += 1;
      expect(placement.certificate).toEqual({flowNs: placement.costNs, cutNs: placement.costNs});
    }),
    {numRuns: 2000},
  );
  // Were the graphs all infeasible or all on one tier, the comparison would say little.
  expect(feasible).toBeGreaterThan(800);
  expect(splits).toBeGreaterThan(200);
}, 300_000);

test("a placement's total is the sum of its parts, and every layer is placed once", () => {
  fc.assert(
    fc.property(randomProblem(30), problem => {
      const placement = placementOrNull(problem);
      if (placement === null) return;
      expect(placement.tiers).toHaveLength(problem.layers.length);
      expect(placement.deviceNs + placement.cloudNs + placement.linkNs).toBe(placement.costNs);
      expect(placement.violations).toEqual([]);
    }),
    {numRuns: 500},
  );
});

test('a better link or a faster tier never makes the best latency worse', () => {
  const factor = fc.double({min: 0, max: 1, noNaN: true});
  fc.assert(
    fc.property(
      randomProblem(25),
      factor,
      fc.constantFrom('up', 'down', 'fixed', 'device', 'cloud'),
      (problem, by, what) => {
        const before = placementOrNull(problem);
        if (before === null || problem.link === null) return;
        const scaled = (ns: number): number => Math.floor(ns * by);
        const {link} = problem;
        const better: PlacementProblem = {
          ...problem,
          layers: problem.layers.map(layer => ({
            ...layer,
            deviceNs: what === 'device' ? scaled(layer.deviceNs) : layer.deviceNs,
            cloudNs: what === 'cloud' && layer.cloudNs !== null ? scaled(layer.cloudNs) : layer.cloudNs,
          })),
          link: {
            ...link,
            fixedNs: what === 'fixed' ? scaled(link.fixedNs) : link.fixedNs,
            upNsPerByte: what === 'up' ? link.upNsPerByte * by : link.upNsPerByte,
            downNsPerByte: what === 'down' ? link.downNsPerByte * by : link.downNsPerByte,
          },
        };
        expect(choosePlacement(better).costNs).toBeLessThanOrEqual(before.costNs);
      },
    ),
    {numRuns: 1000},
  );
});

test('cuts at chain positions, counted in one pass, cost what the definition says', () => {
  fc.assert(
    fc.property(randomProblem(12), problem => {
      for (const {deviceLayers, costNs, isAllowed} of chainCuts(problem)) {
        const tiers = problem.layers.map((_, index): ProblemTier =>
          index < deviceLayers ? 'device' : 'cloud',
        );
        const cost = costOfPlacement(problem, tiers);
        expect({costNs, isAllowed}).toEqual({costNs: cost.costNs, isAllowed: cost.violations.length === 0});
      }
    }),
    {numRuns: 500},
  );
});

test('between the thresholds the plan stays the best, and past one the named placement beats it', () => {
  let changesSeen = 0;
  fc.assert(
    fc.property(
      randomProblem(10),
      fc.constantFrom('link-time' as const, 'device-time' as const),
      (small, quantity) => {
        // Large times, so that rounding to whole ns does not blur the thresholds.
        const problem = magnified(small);
        const placement = placementOrNull(problem);
        if (placement === null || problem.link === null) return;
        const range = {quantity, from: 0.001, to: 1000};
        const {pieces} = findPresentEnvelope(problem, problem.link, placement.tiers, range);
        const changes = nearestChanges(pieces, quantity, placement.tiers);
        for (const {value: factor, direction, tiers} of changes) {
          changesSeen += 1;
          const past = scaledBy(problem, quantity, direction === 'grows' ? factor * 1.001 : factor * 0.999);
          const before = scaledBy(problem, quantity, 1 + (factor - 1) * 0.99);
          expect(costOfPlacement(past, tiers).costNs).toBeLessThan(
            costOfPlacement(past, placement.tiers).costNs + 40,
          );
          expect(bruteForce(before)!.costNs).toBeGreaterThanOrEqual(
            costOfPlacement(before, placement.tiers).costNs - 40,
          );
        }
        // Without a threshold on a side, nothing better exists as far as was looked.
        for (const farthest of [0.001, 1000]) {
          if (changes.some(({direction}) => (direction === 'grows') === farthest > 1)) continue;
          const there = scaledBy(problem, quantity, farthest);
          expect(bruteForce(there)!.costNs).toBeGreaterThanOrEqual(
            costOfPlacement(there, placement.tiers).costNs - 40,
          );
        }
      },
    ),
    {numRuns: 300},
  );
  expect(changesSeen).toBeGreaterThan(50);
}, 120_000);

function magnified(problem: PlacementProblem): PlacementProblem {
  return {
    deviceFixedNs: (problem.deviceFixedNs ?? 0) * 1000,
    layers: problem.layers.map(layer => ({
      ...layer,
      deviceNs: layer.deviceNs * 1000,
      cloudNs: layer.cloudNs === null ? null : layer.cloudNs * 1000,
    })),
    tensors: problem.tensors.map(tensor => ({
      ...tensor,
      bytes: tensor.bytes * 1000,
      ...(tensor.upBytes === undefined ? {} : {upBytes: tensor.upBytes * 1000}),
      ...(tensor.upNs === undefined ? {} : {upNs: tensor.upNs * 1000}),
      ...(tensor.headerBytes === undefined
        ? {}
        : {headerBytes: {up: tensor.headerBytes.up * 1000, down: tensor.headerBytes.down * 1000}}),
    })),
    link: problem.link === null ? null : {...problem.link, fixedNs: problem.link.fixedNs * 1000},
  };
}

function scaledBy(
  problem: PlacementProblem,
  quantity: 'link-time' | 'device-time',
  factor: number,
): PlacementProblem {
  if (quantity === 'device-time')
    return {
      ...problem,
      deviceFixedNs: Math.round((problem.deviceFixedNs ?? 0) * factor),
      layers: problem.layers.map(layer => ({...layer, deviceNs: Math.round(layer.deviceNs * factor)})),
    };
  const link = problem.link!;
  return {
    ...problem,
    link: {...link, upNsPerByte: link.upNsPerByte * factor, downNsPerByte: link.downNsPerByte * factor},
  };
}
