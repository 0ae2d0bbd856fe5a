/** Of a graph, who needs whom. */
export interface OrderedGraph {
  readonly layers: readonly {readonly inputs: readonly string[]; readonly outerInputs: readonly string[]}[];
  readonly tensors: {get(name: string): {readonly producer: number | null} | undefined};
}

/** Layers of one tier that run one after the other, with nothing of another tier between them. */
export interface Segment {
  readonly tier: number;
  /** Ascending, which is an order they can run in. */
  readonly layers: readonly number[];
}

/** How many beginnings of the same cost are followed; beyond, those that have run the fewest layers are given up. */
const WIDTH = 256;

/** A beginning of the order: what has run, in which segments. Ends on `tier`, where the last segment may be empty. */
interface Beginning {
  readonly done: Uint8Array;
  readonly doneCount: number;
  readonly tier: number;
  readonly segment: readonly number[];
  readonly before: Beginning | null;
}

/**
 * The layers as segments in an order in which each finds what it needs. Requests start and end on tier 0; moving on from
 * tier a to tier b costs |a - b| hops, and of all orders one with the fewest hops is taken, then one with the fewest
 * segments (exactly so while at most 256 beginnings cost the same).
 * @param tiers of each layer, whole numbers from 0
 */
export function orderSegments(graph: OrderedGraph, tiers: readonly number[]): readonly Segment[] {
  const count = graph.layers.length;
  if (tiers.length !== count) throw new RangeError(`${tiers.length} tiers for ${count} layers`);
  const needs = graph.layers.map(layer =>
    [...new Set([...layer.inputs, ...layer.outerInputs])].flatMap(
      name => graph.tensors.get(name)?.producer ?? [],
    ),
  );
  const used = [...new Set([0, ...tiers])].sort((a, b) => a - b);

  /** Everything of the tier that can run now; to leave any of it for later never helps. */
  const moveTo = (tier: number, before: Beginning): Beginning | null => {
    const done = before.done.slice();
    const segment: number[] = [];
    for (let index = 0; index < count; index++) {
      if (done[index] === 1 || tiers[index] !== tier || needs[index]!.some(need => done[need] === 0))
        continue;
      done[index] = 1;
      segment.push(index);
    }
    if (segment.length === 0) return null;
    return {done, doneCount: before.doneCount + segment.length, tier, segment, before};
  };

  // Hops first, then segments: with at most as many segments as layers the two make one number.
  const costOf = (hops: number) => hops * (count + 1) + 1;
  const nothing: Beginning = {done: new Uint8Array(count), doneCount: 0, tier: 0, segment: [], before: null};
  const waiting = new Map<number, Beginning[]>([[0, [nothing]]]);
  const followed: Beginning[] = [];
  let best: {cost: number; beginning: Beginning} | null = null;
  while (waiting.size > 0) {
    const cost = Math.min(...waiting.keys());
    const beginnings = waiting.get(cost)!;
    waiting.delete(cost);
    if (best !== null && cost >= best.cost) break;
    const followedNow: Beginning[] = [];
    for (const beginning of beginnings.sort((a, b) => b.doneCount - a.doneCount)) {
      if (followedNow.length === WIDTH) break;
      if ([...followed, ...followedNow].some(other => hasRunAll(other, beginning))) continue;
      followedNow.push(beginning);
      if (beginning.doneCount === count) {
        const whole = cost + beginning.tier * (count + 1);
        if (best === null || whole < best.cost) best = {cost: whole, beginning};
        continue;
      }
      for (const tier of used) {
        const isSame = tier === beginning.tier && beginning !== nothing;
        const next = isSame ? null : moveTo(tier, beginning);
        if (next === null) continue;
        const nextCost = cost + costOf(Math.abs(tier - beginning.tier));
        waiting.set(nextCost, [...(waiting.get(nextCost) ?? []), next]);
      }
    }
    followed.push(...followedNow);
  }
  if (best === null) throw new RangeError('the layers need one another in a circle');
  return segmentsOf(best.beginning);
}

/** Whether the other, which costs no more, is on the same tier and has run at least as much. */
function hasRunAll(other: Beginning, {done, doneCount, tier}: Beginning): boolean {
  return (
    other.tier === tier &&
    other.doneCount >= doneCount &&
    done.every((isDone, index) => isDone === 0 || other.done[index] === 1)
  );
}

function segmentsOf(last: Beginning): Segment[] {
  const segments: Segment[] = [];
  for (let at: Beginning | null = last; at !== null; at = at.before) {
    if (at.segment.length > 0) segments.unshift({tier: at.tier, layers: at.segment});
  }
  return segments;
}
