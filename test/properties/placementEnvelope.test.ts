import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {choosePlacement} from '../../src/placement/choosePlacement.ts';
import type {Placement} from '../../src/placement/choosePlacement.ts';
import {costOfPlacement} from '../../src/placement/costOfPlacement.ts';
import type {Quantity} from '../../src/placement/envelope/costParts.ts';
import {costAt} from '../../src/placement/envelope/lowerEnvelope.ts';
import {findPlacementEnvelope} from '../../src/placement/envelope/placementEnvelope.ts';
import type {PlacementProblem} from '../../src/placement/problem.ts';
import {bruteForce, inMicroseconds, randomProblem} from './randomProblems.ts';

/** Factors, and for the round trip nanoseconds. */
const RANGES: Readonly<Record<Quantity, readonly [number, number]>> = {
  'link-time': [1 / 1000, 1e4],
  'device-time': [1 / 100, 100],
  'cloud-time': [1 / 100, 100],
  'round-trip': [0, 1e8],
};

const quantities = fc.constantFrom<Quantity>('link-time', 'device-time', 'cloud-time', 'round-trip');
/** Even over the logarithms, which is how breakpoints lie. */
const shares = fc.array(fc.double({min: 0, max: 1, noNaN: true}), {minLength: 5, maxLength: 5});

function placementOrNull(problem: PlacementProblem): Placement | null {
  try {
    return choosePlacement(problem);
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}

function valueAtShare(quantity: Quantity, share: number): number {
  const [from, to] = RANGES[quantity];
  return from === 0 ? share * to : Math.min(to, Math.max(from, from * (to / from) ** share));
}

/** The problem at x in whole nanoseconds, written from the definition alone. */
function problemInWholeNs(problem: PlacementProblem, quantity: Quantity, x: number): PlacementProblem {
  const scale = (ns: number, scaled: Quantity): number => (quantity === scaled ? Math.round(ns * x) : ns);
  const perByte = quantity === 'link-time' ? x : 1;
  return {
    ...problem,
    deviceFixedNs: scale(problem.deviceFixedNs ?? 0, 'device-time'),
    layers: problem.layers.map(layer => ({
      ...layer,
      deviceNs: scale(layer.deviceNs, 'device-time'),
      cloudNs: layer.cloudNs === null ? null : scale(layer.cloudNs, 'cloud-time'),
    })),
    link: {
      ...problem.link!,
      fixedNs: problem.link!.fixedNs + (quantity === 'round-trip' ? Math.round(x) : 0),
      upNsPerByte: problem.link!.upNsPerByte * perByte,
      downNsPerByte: problem.link!.downNsPerByte * perByte,
    },
  };
}

/** Half a nanosecond for everything that is rounded: each layer, each tensor, the fixed parts. */
function roundingNs({layers, tensors}: PlacementProblem): number {
  return (layers.length + tensors.length + 2) / 2;
}

test('at any value of any quantity the envelope costs what brute force finds there, up to the rounding of single times', () => {
  let breakpoints = 0;
  fc.assert(
    fc.property(randomProblem(9), quantities, shares, (small, quantity, at) => {
      const problem = inMicroseconds(small);
      const placement = placementOrNull(problem);
      const {link} = problem;
      if (placement === null || link === null) return;
      const [from, to] = RANGES[quantity];
      const {pieces, solves} = findPlacementEnvelope(problem, link, placement.tiers, {quantity, from, to});
      breakpoints += pieces.length - 1;
      expect(solves).toBeLessThanOrEqual(2 * pieces.length + 1);
      expect([pieces[0]!.from, pieces.at(-1)!.to]).toEqual([from, to]);
      for (const [index, piece] of pieces.entries()) {
        expect(piece.from).toBeLessThan(piece.to);
        if (index > 0) expect(piece.from).toBe(pieces[index - 1]!.to);
        expect(costOfPlacement(problem, piece.line.tiers).violations).toEqual([]);
      }
      for (const x of [...at.map(share => valueAtShare(quantity, share)), ...pieces.map(piece => piece.to)]) {
        const {line} = pieces.find(piece => x <= piece.to)!;
        const there = problemInWholeNs(problem, quantity, x);
        const best = bruteForce(there)!.costNs;
        // Two placements are compared, and each is rounded in as many places: their lines, and what brute force counts.
        expect(Math.abs(costAt(line, x) - best)).toBeLessThanOrEqual(
          roundingNs(problem) * (1 + 1e-9) + 1e-9 * best,
        );
        expect(costOfPlacement(there, line.tiers).costNs - best).toBeLessThanOrEqual(2 * roundingNs(problem));
      }
    }),
    {numRuns: 2000},
  );
  expect(breakpoints).toBeGreaterThan(500);
}, 120_000);
