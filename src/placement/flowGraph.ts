/**
 * A directed graph with integer capacities, for minimum cuts. Arcs are kept in pairs (arc i and its reverse i ^ 1),
 * which is what the residual graph of a maximum flow needs. `Infinity` marks an arc that no cut may contain.
 */
export class FlowGraph {
  readonly nodeCount: number;
  readonly source: number;
  readonly sink: number;
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #capacities: number[] = [];
  #finiteSum = 0;

  constructor(nodeCount: number, source: number, sink: number) {
    this.nodeCount = nodeCount;
    this.source = source;
    this.sink = sink;
  }

  /** @throws RangeError when the capacity is no safe non-negative integer, or the finite ones sum past 2^52. */
  addArc(from: number, to: number, capacity: number): void {
    if (capacity !== Infinity) {
      if (!Number.isSafeInteger(capacity) || capacity < 0)
        throw new RangeError(`capacity ${capacity} is no safe non-negative integer`);
      this.#finiteSum += capacity;
      // Half the safe range, because infinity is 1 + this sum and a node may hold one infinity of flow besides.
      if (this.#finiteSum >= 2 ** 52)
        throw new RangeError('the capacities sum past 2^52: give smaller costs');
    }
    this.#from.push(from);
    this.#to.push(to);
    this.#capacities.push(capacity);
  }

  get arcCount(): number {
    return this.#to.length;
  }

  /** 1 + the sum of the finite capacities: more than any cut that avoids the infinite arcs can be worth. */
  get infinity(): number {
    return this.#finiteSum + 1;
  }

  arc(index: number): {readonly from: number; readonly to: number; readonly capacity: number} {
    const from = this.#from[index];
    const to = this.#to[index];
    const capacity = this.#capacities[index];
    if (from === undefined || to === undefined || capacity === undefined)
      throw new RangeError(`no arc ${index}`);
    return {from, to, capacity};
  }

  /** The arcs as typed arrays, grouped by the node they leave: those of node v lie at first[v] … first[v + 1] - 1. */
  toResidual(): ResidualArcs {
    const arcCount = this.arcCount * 2;
    const to = new Int32Array(arcCount);
    const residual = new Float64Array(arcCount);
    const degree = new Int32Array(this.nodeCount + 1);
    const {infinity} = this;
    for (let i = 0; i < this.arcCount; i++) {
      const arc = this.arc(i);
      to[2 * i] = arc.to;
      to[2 * i + 1] = arc.from;
      residual[2 * i] = arc.capacity === Infinity ? infinity : arc.capacity;
      degree[arc.from] = (degree[arc.from] ?? 0) + 1;
      degree[arc.to] = (degree[arc.to] ?? 0) + 1;
    }
    const first = new Int32Array(this.nodeCount + 1);
    for (let node = 0; node < this.nodeCount; node++)
      first[node + 1] = (first[node] ?? 0) + (degree[node] ?? 0);
    const next = first.slice();
    const byNode = new Int32Array(arcCount);
    for (let arc = 0; arc < arcCount; arc++) {
      const node = to[arc ^ 1] as number;
      byNode[next[node] as number] = arc;
      next[node] = (next[node] as number) + 1;
    }
    return {first, byNode, to, residual};
  }
}

export interface ResidualArcs {
  readonly first: Int32Array;
  readonly byNode: Int32Array;
  readonly to: Int32Array;
  /** Capacity left; changed by the flow. */
  readonly residual: Float64Array;
}
