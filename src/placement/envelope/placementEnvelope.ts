import {choosePlacement} from '../choosePlacement.ts';
import type {ProblemTier} from '../costOfPlacement.ts';
import type {PlacementProblem, ProblemLink} from '../problem.ts';
import {costLineFrom, costPartsOf, presentValue} from './costParts.ts';
import type {CostParts, Quantity} from './costParts.ts';
import {findEnvelopeAround, findLowerEnvelope, isBelow} from './lowerEnvelope.ts';
import type {CostLine, LowerEnvelope} from './lowerEnvelope.ts';
import {problemAt} from './problemAt.ts';

/** A placement, and what it costs in ns over one quantity. */
export interface PlacementLine extends CostLine {
  readonly tiers: readonly ProblemTier[];
  readonly parts: CostParts;
}

export interface QuantityRange {
  readonly quantity: Quantity;
  readonly from: number;
  readonly to: number;
}

/**
 * The best placement at every value of a quantity, exact among all placements up to the unit that `problemAt` rounds to.
 * `chosen` stands wherever it is as good as any other.
 * @throws ExpectedError `nothing-feasible` (exit 13)
 */
export function findPlacementEnvelope(
  problem: PlacementProblem,
  link: ProblemLink,
  chosen: readonly ProblemTier[],
  {quantity, from, to}: QuantityRange,
): LowerEnvelope<PlacementLine> {
  const solveAt = (x: number): PlacementLine => bestLineAt(problem, link, quantity, x);
  return findLowerEnvelope(from, to, solveAt, [lineOf(problem, quantity, chosen)]);
}

/** The same, but only the nearest breakpoints on both sides of the present value are proven. */
export function findPresentEnvelope(
  problem: PlacementProblem,
  link: ProblemLink,
  chosen: readonly ProblemTier[],
  {quantity, from, to}: QuantityRange,
): LowerEnvelope<PlacementLine> {
  const solveAt = (x: number): PlacementLine => bestLineAt(problem, link, quantity, x);
  const known = [lineOf(problem, quantity, chosen)];
  return findEnvelopeAround(presentValue(quantity), from, to, solveAt, known);
}

/** Whether no placement is better than `line` where the time that `quantity` stands for is nothing. */
export function isBestAtZero(
  problem: PlacementProblem,
  link: ProblemLink,
  quantity: Quantity,
  line: PlacementLine,
): boolean {
  return !isBelow(bestLineAt(problem, link, quantity, 0), line, 0);
}

function bestLineAt(
  problem: PlacementProblem,
  link: ProblemLink,
  quantity: Quantity,
  x: number,
): PlacementLine {
  return lineOf(problem, quantity, choosePlacement(problemAt(problem, link, {[quantity]: x})).tiers);
}

export function lineOf(
  problem: PlacementProblem,
  quantity: Quantity,
  tiers: readonly ProblemTier[],
): PlacementLine {
  const parts = costPartsOf(problem, tiers);
  return {...costLineFrom(parts, quantity), tiers, parts};
}
