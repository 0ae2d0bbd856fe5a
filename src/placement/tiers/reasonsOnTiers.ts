import type {PlacementReason} from '../../documents/placementAnswer.ts';
import type {TierLayer, TierObjective, TierProblem} from './tierProblem.ts';

/** The best placements of the same problem with one constraint taken away; absent where that constraint was not set. */
export interface RelaxedPlacements {
  readonly withoutPins?: readonly number[];
  readonly withoutMemoryLimits?: readonly number[];
}

/**
 * Why each layer is on its tier, `tiers` holding one per layer: what leaves no choice, then a constraint without which
 * it would be elsewhere, then its own speed, then what keeps it from the tiers where it is faster.
 */
export function reasonsOnTiers(
  problem: TierProblem,
  tiers: readonly number[],
  objective: TierObjective,
  {withoutPins, withoutMemoryLimits}: RelaxedPlacements,
): PlacementReason[] {
  const highestSources = highestSourceOfLayers(problem, tiers);
  const reachable = reachableTiers(problem);
  return problem.layers.map((layer, index): PlacementReason => {
    const tier = tiers[index] ?? 0;
    const possible = layer.timesNs.filter(timeNs => timeNs !== null);
    if (problem.tierCount === 1) return 'only-tier';
    if (possible.length === 1) return 'runs-only-here';
    if (layer.allowedTiers !== undefined) return 'pinned-by-user';
    if (withoutPins !== undefined && withoutPins[index] !== tier) return 'pinned-by-user';
    if (withoutMemoryLimits !== undefined && withoutMemoryLimits[index] !== tier)
      return 'memory-elsewhere-full';
    const faster = fasterTiers(layer, tier);
    if (faster.length === 0) {
      const hereNs = layer.timesNs[tier];
      return possible.filter(timeNs => timeNs === hereNs).length === 1 ? 'faster-here' : 'as-fast-here';
    }
    if (faster.every(other => !reachable.has(other))) return 'no-way-elsewhere';
    const highestSource = highestSources[index] ?? 0;
    if (problem.direction === 'one-way' && faster.every(other => other < highestSource))
      return 'flows-up-only';
    return objective === 'latency' ? 'saves-transfer' : 'keeps-rate';
  });
}

function fasterTiers({timesNs}: TierLayer, tier: number): number[] {
  const hereNs = timesNs[tier] ?? Number.POSITIVE_INFINITY;
  return timesNs.flatMap((timeNs, other) => (timeNs !== null && timeNs < hereNs ? [other] : []));
}

/** From the first tier, over any number of links: all of them join a tier to a higher one. */
function reachableTiers({links, direction}: TierProblem): ReadonlySet<number> {
  const reachable = new Set([0]);
  for (let before = 0; before < reachable.size;) {
    before = reachable.size;
    for (const {from, to} of links) {
      if (reachable.has(from)) reachable.add(to);
      if (direction === 'two-way' && reachable.has(to)) reachable.add(from);
    }
  }
  return reachable;
}

/** Per layer, the highest tier on which something that it reads was made. */
function highestSourceOfLayers({layers, tensors}: TierProblem, tiers: readonly number[]): number[] {
  const highest = layers.map(() => 0);
  for (const {producer, consumers} of tensors) {
    if (producer === null) continue;
    for (const consumer of consumers)
      highest[consumer] = Math.max(highest[consumer] ?? 0, tiers[producer] ?? 0);
  }
  return highest;
}
