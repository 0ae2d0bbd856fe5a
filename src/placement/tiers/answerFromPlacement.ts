import type {Costs} from '../../documents/costs.ts';
import type {PlacementAnswer} from '../../documents/placementAnswer.ts';
import {costOfTiers} from './costOfTiers.ts';
import {reasonsOnTiers} from './reasonsOnTiers.ts';
import type {RelaxedPlacements} from './reasonsOnTiers.ts';
import {crossingNs} from './routes.ts';
import type {TierPlacement, TierProblem} from './tierProblem.ts';

const NS_PER_MS = 1e6;

/** The answer to a table of costs in its own names: `problem` was made from `costs`, and `placement` solves it. */
export function answerFromPlacement(
  costs: Costs,
  problem: TierProblem,
  placement: TierPlacement,
  relaxed: RelaxedPlacements,
): PlacementAnswer {
  const {objective, direction, tiers} = costs;
  const reasons = reasonsOnTiers(problem, placement.tiers, objective, relaxed);
  const nameOf = (tier: number): string => tiers[tier] ?? `#${tier}`;
  const {isOptimal, flowNs, cutNs, boundNs} = placement.certificate;
  return {
    kind: 'edgewise/placement',
    formatVersion: 1,
    objective,
    direction,
    tiers: [...tiers],
    decisions: problem.layers.map(({name, timesNs}, index) => {
      const tier = placement.tiers[index] ?? 0;
      return {
        layer: name,
        tier: nameOf(tier),
        reason: reasons[index] ?? 'only-tier',
        ms: (timesNs[tier] ?? 0) / NS_PER_MS,
      };
    }),
    crossings: crossingRows(problem, placement, nameOf),
    totals: {
      latencyMs: placement.latencyNs / NS_PER_MS,
      bottleneckMs: placement.bottleneckNs / NS_PER_MS,
      bytes: placement.bytes,
      tiers: tierTotals(problem, placement, nameOf),
      links: linkTotals(problem, placement, nameOf),
    },
    alternatives: tiers.flatMap((tier, index) => {
      const everywhere = problem.layers.map(() => index);
      const {latencyNs, bottleneckNs, violations} = costOfTiers(problem, everywhere, objective);
      if (violations.length > 0) return [];
      return [{tier, latencyMs: latencyNs / NS_PER_MS, bottleneckMs: bottleneckNs / NS_PER_MS}];
    }),
    certificate: {isOptimal, flow: flowNs, cut: cutNs, bound: boundNs},
  };
}

function crossingRows(
  {tensors, links}: TierProblem,
  {crossings}: TierPlacement,
  nameOf: (tier: number) => string,
): PlacementAnswer['crossings'] {
  return crossings.flatMap(({tensor: tensorIndex, link: linkIndex, direction}) => {
    const tensor = tensors[tensorIndex];
    const link = links[linkIndex];
    if (tensor === undefined || link === undefined) return [];
    const [from, to] = direction === 'up' ? [link.from, link.to] : [link.to, link.from];
    const ms = crossingNs(links, tensor, {link: linkIndex, direction}) / NS_PER_MS;
    return [{tensor: tensor.name, from: nameOf(from), to: nameOf(to), direction, bytes: tensor.bytes, ms}];
  });
}

function tierTotals(
  {layers, tierCount}: TierProblem,
  {tiers}: TierPlacement,
  nameOf: (tier: number) => string,
): PlacementAnswer['totals']['tiers'] {
  const sums = Array.from({length: tierCount}, () => ({ns: 0, weightBytes: 0}));
  layers.forEach(({timesNs, weightBytes}, index) => {
    const tier = tiers[index] ?? 0;
    const sum = sums[tier];
    if (sum === undefined) return;
    sum.ns += timesNs[tier] ?? 0;
    sum.weightBytes += weightBytes;
  });
  return sums.map(({ns, weightBytes}, tier) => ({tier: nameOf(tier), ms: ns / NS_PER_MS, weightBytes}));
}

function linkTotals(
  {tensors, links}: TierProblem,
  {crossings}: TierPlacement,
  nameOf: (tier: number) => string,
): PlacementAnswer['totals']['links'] {
  return links.map((link, index) => {
    const taken = crossings.filter(crossing => crossing.link === index);
    const sumMs = (direction: 'up' | 'down'): number =>
      taken
        .filter(crossing => crossing.direction === direction)
        .reduce((sum, {tensor}) => {
          const row = tensors[tensor];
          return row === undefined ? sum : sum + crossingNs(links, row, {link: index, direction});
        }, 0) / NS_PER_MS;
    return {
      from: nameOf(link.from),
      to: nameOf(link.to),
      upMs: sumMs('up'),
      downMs: sumMs('down'),
      roundTripMs: taken.length === 0 ? 0 : link.roundTripNs / NS_PER_MS,
    };
  });
}
