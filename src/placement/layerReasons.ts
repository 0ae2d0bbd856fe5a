import type {LayerReason} from '../documents/plan.ts';
import type {ProblemTier} from './costOfPlacement.ts';
import type {PlacementProblem} from './problem.ts';

/** The best placements of the same problem with one constraint taken away; absent where that constraint was not set. */
export interface Counterfactuals {
  readonly withoutRawInputRule?: readonly ProblemTier[];
  readonly withoutPins?: readonly ProblemTier[];
}

/**
 * Why each layer is where it is: a constraint, when the layer is pinned, forced by a pin, or would be elsewhere
 * without the constraint; else its own speed, else the transfer that moving it would add.
 */
export function reasonsOfLayers(
  problem: PlacementProblem,
  tiers: readonly ProblemTier[],
  {withoutRawInputRule, withoutPins}: Counterfactuals,
): LayerReason[] {
  const forced = layersForcedByPins(problem);
  return problem.layers.map((layer, index): LayerReason => {
    const tier = tiers[index];
    if (problem.link === null || layer.cloudNs === null) return 'no-cloud';
    if (forced.has(index)) return 'pinned-by-user';
    if (withoutRawInputRule !== undefined && withoutRawInputRule[index] !== tier)
      return 'keeps-raw-input-on-device';
    if (withoutPins !== undefined && withoutPins[index] !== tier) return 'pinned-by-user';
    const isFasterHere = tier === 'device' ? layer.deviceNs < layer.cloudNs : layer.cloudNs < layer.deviceNs;
    return isFasterHere ? 'faster-here' : 'saves-transfer';
  });
}

/** Whatever feeds a layer pinned to the device is held there too, and whatever a layer in the cloud feeds. */
function layersForcedByPins(problem: PlacementProblem): Set<number> {
  const feeders = problem.layers.map((): number[] => []);
  const readers = problem.layers.map((): number[] => []);
  for (const {producer, consumers} of problem.tensors) {
    if (producer === null) continue;
    for (const consumer of consumers) {
      feeders[consumer]?.push(producer);
      readers[producer]?.push(consumer);
    }
  }
  const forced = new Set<number>();
  const spread = (tier: ProblemTier, neighbours: readonly (readonly number[])[]): void => {
    const reached = new Set(problem.layers.flatMap(({pin}, index) => (pin?.tier === tier ? [index] : [])));
    for (const index of reached) {
      forced.add(index);
      for (const neighbour of neighbours[index] ?? []) reached.add(neighbour);
    }
  };
  spread('device', feeders);
  spread('cloud', readers);
  return forced;
}
