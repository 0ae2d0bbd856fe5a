import type {TierObjective, TierProblem} from '../../src/placement/tiers/tierProblem.ts';

/** One way for a tensor: which links it takes up and which down, as masks. */
interface Way {
  readonly upMask: number;
  readonly downMask: number;
}

/**
 * The optimum by trying every assignment and, for each, every set of open links and every set of links that a tensor
 * could take; `null` when nothing is feasible. Shares no code with the planner. `height` is the least sum of tiers among the
 * optimal assignments.
 */
export function bruteForceTiers(
  problem: TierProblem,
  objective: TierObjective,
): {readonly ns: number; readonly height: number} | null {
  const {layers, tensors, tierCount} = problem;
  const ways = new Map<string, readonly Way[]>();
  const waysBetween = (from: number, readMask: number, isOutput: boolean): readonly Way[] => {
    const key = `${from} ${readMask} ${isOutput}`;
    const known = ways.get(key) ?? findWays(problem, from, readMask, isOutput);
    ways.set(key, known);
    return known;
  };
  const cheapest = tensors.map(() => new Map<string, readonly number[]>());
  const tiers = new Array<number>(layers.length).fill(0);
  let best: {ns: number; height: number} | null = null;
  const offer = (ns: number): void => {
    const height = tiers.reduce((sum, tier) => sum + tier, 0);
    if (ns !== Infinity && (best === null || ns < best.ns || (ns === best.ns && height < best.height)))
      best = {ns, height};
  };
  const endsOf = (index: number): {from: number; readMask: number; isOutput: boolean} => {
    const {producer, consumers, isOutput} = tensors[index]!;
    const readMask = consumers.reduce((mask, consumer) => mask | (1 << tiers[consumer]!), 0);
    return {from: producer === null ? 0 : tiers[producer]!, readMask, isOutput};
  };
  const evaluate = (): void => {
    const tierNs = new Array<number>(tierCount).fill(0);
    layers.forEach((layer, index) => (tierNs[tiers[index]!]! += layer.timesNs[tiers[index]!]!));
    if (objective === 'throughput') {
      const needed = tensors.map((tensor, index) => {
        const {from, readMask, isOutput} = endsOf(index);
        return {bytes: tensor.bytes, ways: waysBetween(from, readMask, isOutput)};
      });
      offer(leastBottleneck(problem, needed, Math.max(...tierNs)));
      return;
    }
    const compute = tierNs.reduce((sum, ns) => sum + ns, 0);
    const sums = openSets(problem).map(roundTripNs => compute + roundTripNs);
    tensors.forEach((tensor, index) => {
      const {from, readMask, isOutput} = endsOf(index);
      const key = `${from} ${readMask}`;
      let costs = cheapest[index]!.get(key);
      if (costs === undefined) {
        costs = cheapestPerOpenSet(problem, tensor.bytes, waysBetween(from, readMask, isOutput));
        cheapest[index]!.set(key, costs);
      }
      costs.forEach((ns, set) => (sums[set]! += ns));
    });
    offer(Math.min(...sums));
  };
  const assign = (layer: number, bytes: readonly number[]): void => {
    if (layer === layers.length) {
      evaluate();
      return;
    }
    const {timesNs, allowedTiers, weightBytes} = layers[layer]!;
    for (let tier = 0; tier < tierCount; tier++) {
      if (timesNs[tier] === null || allowedTiers?.includes(tier) === false) continue;
      const after = bytes.map((held, index) => held + (index === tier ? weightBytes : 0));
      if (after[tier]! > (problem.memoryBytes[tier] ?? Infinity)) continue;
      tiers[layer] = tier;
      assign(layer + 1, after);
    }
  };
  assign(0, new Array<number>(tierCount).fill(0));
  return best;
}

/** Every smallest pair of sets of links along which the tensor gets everywhere: spread over them and look. */
function findWays({links, direction}: TierProblem, from: number, readMask: number, isOutput: boolean): Way[] {
  const spread = (start: number, upMask: number, downMask: number): number => {
    let reached = start;
    for (let before = -1; before !== reached;) {
      before = reached;
      links.forEach((link, index) => {
        if ((upMask & (1 << index)) !== 0 && (reached & (1 << link.from)) !== 0) reached |= 1 << link.to;
        if ((downMask & (1 << index)) !== 0 && (reached & (1 << link.to)) !== 0) reached |= 1 << link.from;
      });
    }
    return reached;
  };
  // Smallest first, so that what holds one already found needs no look.
  const candidates: Way[] = [];
  for (let upMask = 0; upMask < 2 ** links.length; upMask++)
    for (let downMask = 0; downMask < 2 ** links.length; downMask++) candidates.push({upMask, downMask});
  candidates.sort(
    (a, b) => bitCount(a.upMask) + bitCount(a.downMask) - bitCount(b.upMask) - bitCount(b.downMask),
  );
  const found: Way[] = [];
  for (const {upMask, downMask} of candidates) {
    if (found.some(way => (way.upMask & ~upMask) === 0 && (way.downMask & ~downMask) === 0)) continue;
    const risen = spread(1 << from, upMask, direction === 'one-way' ? 0 : downMask);
    const returned = spread(risen, 0, downMask);
    if ((readMask & ~risen) === 0 && (!isOutput || (returned & 1) === 1)) found.push({upMask, downMask});
  }
  return found;
}

function bitCount(mask: number): number {
  return mask === 0 ? 0 : (mask & 1) + bitCount(mask >> 1);
}

function openSets({links}: TierProblem): number[] {
  return Array.from({length: 2 ** links.length}, (_, set) =>
    links.reduce((sum, link, index) => sum + ((set >> index) % 2 === 1 ? link.roundTripNs : 0), 0),
  );
}

function cheapestPerOpenSet({links}: TierProblem, bytes: number, ways: readonly Way[]): number[] {
  return Array.from({length: 2 ** links.length}, (_, set) =>
    Math.min(
      ...ways.map(({upMask, downMask}) => {
        if (((upMask | downMask) & ~set) !== 0) return Infinity;
        return links.reduce((sum, link, index) => {
          const up = (upMask >> index) % 2 === 1 ? Math.round(bytes * link.upNsPerByte) : 0;
          const down = (downMask >> index) % 2 === 1 ? Math.round(bytes * link.downNsPerByte) : 0;
          return sum + up + down;
        }, 0);
      }),
    ),
  );
}

function leastBottleneck(
  {links}: TierProblem,
  needed: readonly {readonly bytes: number; readonly ways: readonly Way[]}[],
  tierNs: number,
): number {
  let least = Infinity;
  const decide = (index: number, loads: readonly number[]): void => {
    if (Math.max(tierNs, ...loads) >= least) return;
    const next = needed[index];
    if (next === undefined) {
      least = Math.max(tierNs, ...loads);
      return;
    }
    for (const {upMask, downMask} of next.ways)
      decide(
        index + 1,
        loads.map((ns, link) => {
          const up = (upMask >> link) % 2 === 1 ? Math.round(next.bytes * links[link]!.upNsPerByte) : 0;
          const down = (downMask >> link) % 2 === 1 ? Math.round(next.bytes * links[link]!.downNsPerByte) : 0;
          return ns + up + down;
        }),
      );
  };
  decide(
    0,
    links.map(() => 0),
  );
  return least;
}
