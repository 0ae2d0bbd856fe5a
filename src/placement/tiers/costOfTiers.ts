import {chooseCheapestRoutes} from './chooseRoutes.ts';
import type {RouteDemand} from './chooseRoutes.ts';
import {levelRoutes} from './levelRoutes.ts';
import {Routes, crossingNs} from './routes.ts';
import type {Route} from './routes.ts';
import type {
  TierCost,
  TierCrossing,
  TierLink,
  TierObjective,
  TierProblem,
  TierTensor,
} from './tierProblem.ts';

/** One rule that an assignment breaks; layers, tensors and tiers are indices into the problem. */
export type TierViolation =
  | {readonly kind: 'cannot-run'; readonly layer: number; readonly tier: number}
  | {readonly kind: 'not-allowed'; readonly layer: number; readonly tier: number}
  | {readonly kind: 'no-route'; readonly tensor: number}
  | {readonly kind: 'memory'; readonly tier: number; readonly missingBytes: number};

export interface CheckedTierCost extends TierCost {
  readonly tierNs: readonly number[];
  /** One per link: its crossings both ways, without the round trip. */
  readonly linkNs: readonly number[];
  /** No choice of routes has a bottleneck below this; `bottleneckNs` itself unless there were too many to try. */
  readonly bottleneckBoundNs: number;
  readonly violations: readonly TierViolation[];
}

/**
 * What it costs to have each layer on the tier given, straight from the definition and without a flow graph, with the
 * routes that are best for the objective. A layer that cannot run on its tier counts 0 ns, a tensor without a route too.
 * @param tiers one per layer
 * @param knownNs a bottleneck known to be possible; routes that cannot have a lower one are not told apart
 * @throws RangeError when a tier does not exist or a sum is no safe integer
 */
export function costOfTiers(
  problem: TierProblem,
  tiers: readonly number[],
  objective: TierObjective = 'latency',
  routes: Routes = new Routes(problem),
  knownNs = Infinity,
): CheckedTierCost {
  const {layers, links} = problem;
  if (tiers.length !== layers.length)
    throw new RangeError(`${tiers.length} tiers for ${layers.length} layers`);
  const violations: TierViolation[] = [];
  const tierNs = new Array<number>(problem.tierCount).fill(0);
  const weightBytes = new Array<number>(problem.tierCount).fill(0);
  layers.forEach((layer, index) => {
    const tier = tiers[index] as number;
    if (!(tier in tierNs))
      throw new RangeError(`layer ${layer.name} is on tier ${tier}, which does not exist`);
    const timeNs = layer.timesNs[tier] ?? null;
    if (timeNs === null) violations.push({kind: 'cannot-run', layer: index, tier});
    if (layer.allowedTiers?.includes(tier) === false)
      violations.push({kind: 'not-allowed', layer: index, tier});
    tierNs[tier] = (tierNs[tier] as number) + (timeNs ?? 0);
    weightBytes[tier] = (weightBytes[tier] as number) + layer.weightBytes;
  });
  weightBytes.forEach((bytes, tier) => {
    const limit = problem.memoryBytes[tier] ?? null;
    if (limit !== null && bytes > limit) violations.push({kind: 'memory', tier, missingBytes: bytes - limit});
  });

  const demands: RouteDemand[] = [];
  problem.tensors.forEach((tensor, index) => {
    const from = tensor.producer === null ? 0 : (tiers[tensor.producer] as number);
    let readMask = 0;
    for (const consumer of tensor.consumers) readMask |= 1 << (tiers[consumer] as number);
    const options = routes.between(from, readMask, tensor.isOutput);
    if (options.length === 0) violations.push({kind: 'no-route', tensor: index});
    else if (options.length > 1 || options[0]?.linkMask !== 0)
      demands.push({
        tensor: index,
        routes: options,
        ns: options.map(route => routeNs(route, links, tensor)),
      });
  });
  const busiestTierNs = Math.max(0, ...tierNs);
  const levelled = objective === 'throughput' ? levelRoutes(problem, demands, busiestTierNs, knownNs) : null;
  const chosen = levelled?.chosen ?? chooseCheapestRoutes(demands, links);

  const crossings: TierCrossing[] = [];
  const linkNs = new Array<number>(links.length).fill(0);
  let bytes = 0;
  demands.forEach(({tensor, routes: options}, index) => {
    const row = problem.tensors[tensor] as TierTensor;
    for (const step of options[chosen[index] as number]?.steps ?? []) {
      crossings.push({tensor, ...step});
      bytes += row.bytes;
      linkNs[step.link] = (linkNs[step.link] as number) + crossingNs(links, row, step);
    }
  });
  const opened = new Set(crossings.map(({link}) => link));
  let latencyNs = 0;
  for (const ns of [...tierNs, ...linkNs, ...[...opened].map(link => (links[link] as TierLink).roundTripNs)])
    latencyNs += ns;
  const bottleneckNs = Math.max(busiestTierNs, ...linkNs);
  if (!Number.isSafeInteger(latencyNs) || !Number.isSafeInteger(bytes))
    throw new RangeError(`${latencyNs} ns or ${bytes} bytes is no safe integer`);
  const bottleneckBoundNs = levelled?.boundNs ?? bottleneckNs;
  return {latencyNs, bottleneckNs, bottleneckBoundNs, bytes, crossings, tierNs, linkNs, violations};
}

function routeNs({steps}: Route, links: readonly TierLink[], tensor: TierTensor): number {
  let ns = 0;
  for (const step of steps) ns += crossingNs(links, tensor, step);
  return ns;
}
