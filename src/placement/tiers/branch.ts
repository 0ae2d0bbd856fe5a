import type {CheckedTierCost} from './costOfTiers.ts';
import {crossingNs} from './routes.ts';
import type {SearchNode} from './searchNode.ts';
import type {TierObjective} from './tierProblem.ts';
import type {TierTables} from './tierTables.ts';

/** What to decide next: a link open or closed, or a layer among its lower or its higher tiers. */
export type Branching =
  | {readonly kind: 'link'; readonly link: number}
  | {readonly kind: 'layer'; readonly layer: number; readonly lowerMask: number; readonly higherMask: number};

/**
 * Decides where the bound errs about the assignment that it found: memory that is short, a link whose round trip was not
 * counted, a stage that is busiest, a tensor that takes several links. `null` when nothing is left to decide.
 */
export function chooseBranching(
  tables: TierTables,
  node: SearchNode,
  objective: TierObjective,
  tiers: readonly number[],
  cost: CheckedTierCost,
): Branching | null {
  const {problem} = tables;
  const {tierMasks} = node;
  const isOpen = (layer: number): boolean => {
    const mask = tierMasks[layer] as number;
    return (mask & (mask - 1)) !== 0;
  };
  const choices: {readonly layer: number; readonly weight: number}[] = [];
  for (const violation of cost.violations) {
    if (violation.kind !== 'memory') continue;
    tiers.forEach((tier, layer) => {
      if (tier === violation.tier) choices.push({layer, weight: problem.layers[layer]?.weightBytes ?? 0});
    });
  }
  const fromMemory = heaviest(choices, isOpen);
  if (fromMemory !== null) return splitLayer(tierMasks, fromMemory, tiers);
  if (tierMasks.every(mask => (mask & (mask - 1)) === 0)) return null;
  if (objective === 'latency') {
    const undecided = ~(node.openMask | node.closedMask);
    const links = cost.crossings
      .map(({link}) => link)
      .filter(link => (undecided & (1 << link)) !== 0 && (problem.links[link]?.roundTripNs ?? 0) > 0);
    // Where all links form a row and everything hangs together, the cut has counted the round trips.
    const isCounted =
      node.relaxation?.hops.isRow === true && tables.isAnchored.every(anchored => anchored === 1);
    if (links.length > 0 && !isCounted) return {kind: 'link', link: Math.min(...links)};
  }
  choices.length = 0;
  const busiest = cost.tierNs.indexOf(cost.bottleneckNs);
  if (objective === 'throughput' && busiest !== -1)
    tiers.forEach((tier, layer) => {
      if (tier === busiest) choices.push({layer, weight: problem.layers[layer]?.timesNs[tier] ?? 0});
    });
  else
    for (const {tensor, link, direction} of cost.crossings) {
      if (objective === 'throughput' && cost.linkNs[link] !== cost.bottleneckNs) continue;
      const row = problem.tensors[tensor] as (typeof problem.tensors)[number];
      const {producer, consumers} = row;
      const weight = crossingNs(problem.links, row, {link, direction});
      for (const layer of producer === null ? consumers : [producer, ...consumers])
        choices.push({layer, weight});
    }
  const layer = heaviest(choices, isOpen) ?? problem.layers.findIndex((_, index) => isOpen(index));
  return splitLayer(tierMasks, layer, tiers);
}

/** The first of the heaviest layers that are still open. */
function heaviest(
  choices: readonly {readonly layer: number; readonly weight: number}[],
  isOpen: (layer: number) => boolean,
): number | null {
  let best: {readonly layer: number; readonly weight: number} | null = null;
  for (const choice of choices)
    if ((best === null || choice.weight > best.weight) && isOpen(choice.layer)) best = choice;
  return best?.layer ?? null;
}

/** The tier that it is on alone when it is the lowest, else from there upwards. */
function splitLayer(tierMasks: Int32Array, layer: number, tiers: readonly number[]): Branching {
  const mask = tierMasks[layer] as number;
  const here = 1 << (tiers[layer] as number);
  const below = mask & (here - 1);
  const lowerMask = below === 0 ? here : below;
  return {kind: 'layer', layer, lowerMask, higherMask: mask & ~lowerMask};
}

/** The two parts that a decision makes of one. */
export function childrenOf(
  node: SearchNode,
  branching: Branching,
): Omit<SearchNode, 'boundNs' | 'relaxation'>[] {
  const {tierMasks, openMask, closedMask} = node;
  if (branching.kind === 'link') {
    const bit = 1 << branching.link;
    return [
      {tierMasks: tierMasks.slice(), openMask: openMask | bit, closedMask},
      {tierMasks: tierMasks.slice(), openMask, closedMask: closedMask | bit},
    ];
  }
  return [branching.higherMask, branching.lowerMask].map(mask => {
    const masks = tierMasks.slice();
    masks[branching.layer] = mask;
    return {tierMasks: masks, openMask, closedMask};
  });
}
