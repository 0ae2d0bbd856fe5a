import {choosePlacement} from './choosePlacement.ts';
import {costOfPlacement} from './costOfPlacement.ts';
import type {PlacementCost, ProblemTier} from './costOfPlacement.ts';
import type {PlacementProblem, ProblemLink} from './problem.ts';

export type ScaledQuantity = 'link-time' | 'device-time' | 'cloud-time';

/** The nearest value of a factor on one quantity at which another placement becomes the best. */
export interface PlacementChange {
  /** `link-time`: time per byte in both directions; the others: every layer's time on that tier, and the device's fixed part. */
  readonly quantity: ScaledQuantity;
  /** Whether the quantity has to grow or to shrink; where two placements tie, by a factor of 1. */
  readonly direction: 'grows' | 'shrinks';
  readonly factor: number;
  readonly tiers: readonly ProblemTier[];
}

/** Farther than this from what was measured, a change is no longer worth telling. */
const LARGEST_FACTOR = 1000;

/**
 * The nearest changes above and below the present value of `quantity`, exactly among all placements: a placement's
 * cost is linear in the factor, so repeated cuts at the crossing of two lines end at the first breakpoint.
 * @see M. J. Eisner and D. G. Severance, J. ACM 23 (1976)
 */
export function findPlacementChanges(
  problem: PlacementProblem,
  tiers: readonly ProblemTier[],
  quantity: ScaledQuantity,
): PlacementChange[] {
  const {link} = problem;
  if (link === null) return [];
  // The scaled costs must stay within what the cut can add up.
  const largest = Math.min(LARGEST_FACTOR, 2 ** 50 / largestCostNs(problem, link));
  return [1 / LARGEST_FACTOR, largest].flatMap(farthest => {
    const change = farthest === 1 ? null : firstChangeTowards(problem, link, tiers, quantity, farthest);
    return change === null ? [] : [change];
  });
}

function firstChangeTowards(
  problem: PlacementProblem,
  link: ProblemLink,
  tiers: readonly ProblemTier[],
  quantity: ScaledQuantity,
  farthest: number,
): PlacementChange | null {
  const chosen = lineOf(problem, link, tiers, quantity);
  let factor = farthest;
  let change: PlacementChange | null = null;
  let best = Infinity;
  for (;;) {
    const candidate = choosePlacement(scaleProblem(problem, link, quantity, factor));
    const line = lineOf(problem, link, candidate.tiers, quantity);
    // Scaled times are rounded to whole ns, so two lines closer than that are one.
    const toleranceNs = 1 + candidate.crossing.length + problem.layers.length;
    if (valueAt(line, factor) >= Math.min(best, valueAt(chosen, factor)) - toleranceNs) return change;
    const crossingAt = (line.restNs - chosen.restNs) / (chosen.scaledNs - line.scaledNs);
    if (
      !Number.isFinite(crossingAt) ||
      (farthest > 1 ? crossingAt < 1 || crossingAt >= factor : crossingAt > 1 || crossingAt <= factor)
    )
      return change;
    change = {
      quantity,
      direction: farthest > 1 ? 'grows' : 'shrinks',
      factor: crossingAt,
      tiers: candidate.tiers,
    };
    factor = crossingAt;
    best = valueAt(line, factor);
  }
}

/** No placement costs more than this: everything counted everywhere. */
function largestCostNs(problem: PlacementProblem, link: ProblemLink): number {
  const layersNs = problem.layers.reduce((sum, layer) => sum + layer.deviceNs + (layer.cloudNs ?? 0), 0);
  const nsPerByte = link.upNsPerByte + link.downNsPerByte + (link.handoverNsPerByte ?? 0);
  return problem.tensors.reduce(
    (sum, tensor) => sum + tensor.bytes * nsPerByte + 2 * link.perTensorNs,
    1 + layersNs + link.fixedNs + (link.cutFixedNs ?? 0) + (problem.deviceFixedNs ?? 0),
  );
}

/** A placement's cost as `restNs + factor × scaledNs`. */
interface CostLine {
  readonly restNs: number;
  readonly scaledNs: number;
}

function valueAt(line: CostLine, factor: number): number {
  return line.restNs + factor * line.scaledNs;
}

function lineOf(
  problem: PlacementProblem,
  link: ProblemLink,
  tiers: readonly ProblemTier[],
  quantity: ScaledQuantity,
): CostLine {
  const cost = costOfPlacement(problem, tiers);
  const scaledNs = scaledPart(cost, link, quantity);
  return {restNs: cost.costNs - scaledNs, scaledNs};
}

function scaledPart(cost: PlacementCost, link: ProblemLink, quantity: ScaledQuantity): number {
  switch (quantity) {
    case 'link-time':
      return cost.upBytes * link.upNsPerByte + cost.downBytes * link.downNsPerByte;
    case 'device-time':
      return cost.deviceNs;
    case 'cloud-time':
      return cost.cloudNs;
  }
}

function scaleProblem(
  problem: PlacementProblem,
  link: ProblemLink,
  quantity: ScaledQuantity,
  factor: number,
): PlacementProblem {
  const scale = (ns: number): number => Math.round(ns * factor);
  switch (quantity) {
    case 'link-time':
      return {
        ...problem,
        link: {...link, upNsPerByte: link.upNsPerByte * factor, downNsPerByte: link.downNsPerByte * factor},
      };
    case 'device-time':
      return {
        ...problem,
        deviceFixedNs: scale(problem.deviceFixedNs ?? 0),
        layers: problem.layers.map(layer => ({...layer, deviceNs: scale(layer.deviceNs)})),
      };
    case 'cloud-time':
      return {
        ...problem,
        layers: problem.layers.map(layer => ({
          ...layer,
          cloudNs: layer.cloudNs === null ? null : scale(layer.cloudNs),
        })),
      };
  }
}
