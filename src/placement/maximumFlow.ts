import type {FlowGraph, ResidualArcs} from './flowGraph.ts';

export interface MaximumFlow {
  readonly flow: number;
  /** False when every cut contains an infinite arc; `flow` and `sourceSide` then mean nothing. */
  readonly isFinite: boolean;
  /**
   * 1 for the nodes on the source's side of a minimum cut. Of all minimum cuts it is the one with the most nodes
   * there (minimum cuts form a lattice, so it is unique and does not depend on the order of the arcs).
   */
  readonly sourceSide: Uint8Array;
}

/**
 * Maximum flow and minimum cut, exactly, in integers: Dinic's algorithm on levels counted from the sink.
 * Stops as soon as the flow reaches `graph.infinity`, since then no finite cut exists.
 * @see E. A. Dinic, Soviet Math. Dokl. 11 (1970); Picard and Queyranne (1980) for the lattice of minimum cuts
 */
export function maximumFlow(graph: FlowGraph): MaximumFlow {
  const arcs = graph.toResidual();
  const levels = new Int32Array(graph.nodeCount);
  const queue = new Int32Array(graph.nodeCount);
  const limit = graph.infinity;
  let flow = 0;
  while (flow < limit && countLevels(graph, arcs, levels, queue)) {
    flow += sendBlockingFlow(graph, arcs, levels, limit - flow);
  }
  // The last search ran from the sink against the residual arcs: whatever it did not reach is the source's side.
  const sourceSide = Uint8Array.from(levels, level => (level < 0 ? 1 : 0));
  return {flow, isFinite: flow < limit, sourceSide};
}

/** Distance to the sink over arcs with capacity left, -1 where there is no way; true when the source has one. */
function countLevels(graph: FlowGraph, arcs: ResidualArcs, levels: Int32Array, queue: Int32Array): boolean {
  const {first, byNode, to, residual} = arcs;
  levels.fill(-1);
  levels[graph.sink] = 0;
  queue[0] = graph.sink;
  let length = 1;
  for (let head = 0; head < length; head++) {
    const node = queue[head] as number;
    const end = first[node + 1] as number;
    for (let i = first[node] as number; i < end; i++) {
      const arc = byNode[i] as number;
      const other = to[arc] as number;
      if (levels[other] === -1 && (residual[arc ^ 1] as number) > 0) {
        levels[other] = (levels[node] as number) + 1;
        queue[length++] = other;
      }
    }
  }
  return levels[graph.source] !== -1;
}

/** Fills shortest paths until none is left; without recursion, because a path can be as long as the model is deep. */
function sendBlockingFlow(graph: FlowGraph, arcs: ResidualArcs, levels: Int32Array, limit: number): number {
  const {first, byNode, to, residual} = arcs;
  const next = first.slice();
  const path = new Int32Array(graph.nodeCount);
  let depth = 0;
  let node = graph.source;
  let sent = 0;
  while (sent < limit) {
    if (node === graph.sink) {
      let bottleneck = limit - sent;
      for (let i = 0; i < depth; i++)
        bottleneck = Math.min(bottleneck, residual[path[i] as number] as number);
      let keep = depth;
      for (let i = depth - 1; i >= 0; i--) {
        const arc = path[i] as number;
        residual[arc] = (residual[arc] as number) - bottleneck;
        residual[arc ^ 1] = (residual[arc ^ 1] as number) + bottleneck;
        if (residual[arc] === 0) keep = i;
      }
      sent += bottleneck;
      if (keep === depth) continue;
      // Go on from where the first full arc begins: what lies before it still has capacity.
      depth = keep;
      node = to[(path[keep] as number) ^ 1] as number;
      continue;
    }
    const end = first[node + 1] as number;
    let i = next[node] as number;
    const wanted = (levels[node] as number) - 1;
    for (; i < end; i++) {
      const arc = byNode[i] as number;
      if ((residual[arc] as number) > 0 && levels[to[arc] as number] === wanted) break;
    }
    next[node] = i;
    if (i < end) {
      const arc = byNode[i] as number;
      path[depth++] = arc;
      node = to[arc] as number;
    } else {
      if (depth === 0) break;
      depth -= 1;
      node = to[(path[depth] as number) ^ 1] as number;
      next[node] = (next[node] as number) + 1;
    }
  }
  return sent;
}
