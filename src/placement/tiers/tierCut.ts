import {FlowGraph} from '../flowGraph.ts';
import {maximumFlow} from '../maximumFlow.ts';
import {wholeShares} from './hopShares.ts';
import {spanCosts} from './relaxation.ts';
import type {LinkState, Relaxation} from './relaxation.ts';
import type {TierTables} from './tierTables.ts';

export interface TierCut {
  /** One per layer; of all minimum cuts the one with every layer as far left in the order as any has it. */
  readonly tiers: readonly number[];
  /** In weighted nanoseconds; no placement within the masks has a relaxed cost below it. */
  readonly flow: number;
}

/**
 * The cheapest assignment under a relaxation, as a minimum cut of ordered labels: node (layer, gap) is on the sink's side
 * when the layer lies right of the gap. Exact for a row of tiers; a lower bound elsewhere. `null` when nothing is allowed.
 * @param tierMasks per layer, bit k: may be on tier k; none is 0
 * @see Ishikawa, "Exact optimization for Markov random fields with convex priors", PAMI 25 (2003)
 */
export function tierCut(
  tables: TierTables,
  tierMasks: Int32Array,
  state: LinkState,
  relaxation: Relaxation,
): TierCut | null {
  const {problem} = tables;
  const {hops} = relaxation;
  const layerNodes = problem.layers.length * hops.count;
  const mostNodes = layerNodes + 2 * problem.tensors.length * hops.count + hops.count + 2;
  const network = new CutBuilder(mostNodes, layerNodes);
  const sides = new LayerSides(network, hops.position, tierMasks, hops.count);
  addLayers(network, sides, tables, tierMasks, relaxation);
  problem.tensors.forEach((_, tensor) => {
    addTensor(network, sides, tables, tierMasks, state, relaxation, tensor);
  });
  addOpenings(network, sides, tables, relaxation);
  if (!network.isFeasible) return null;
  const {flow, isFinite, sourceSide} = maximumFlow(network.graph);
  if (!isFinite) return null;
  const tiers = problem.layers.map((_, layer) => {
    let place = 0;
    while (place < hops.count && isRight(sides.of(layer, place), network, sourceSide)) place += 1;
    return hops.order[place] as number;
  });
  return {tiers, flow: flow + network.constant};
}

function isRight(node: number, {graph}: CutBuilder, sourceSide: Uint8Array): boolean {
  return node === graph.sink || (node !== graph.source && sourceSide[node] === 0);
}

/** A flow graph that keeps apart what every cut pays, and that gives out nodes. */
class CutBuilder {
  readonly graph: FlowGraph;
  constant = 0;
  isFeasible = true;
  #nextNode: number;

  constructor(mostNodes: number, firstFreeNode: number) {
    this.graph = new FlowGraph(mostNodes, mostNodes - 2, mostNodes - 1);
    this.#nextNode = firstFreeNode;
  }

  addNode(): number {
    return this.#nextNode++;
  }

  addArc(from: number, to: number, capacity: number): void {
    const {source, sink} = this.graph;
    if (capacity === 0 || from === to || from === sink || to === source) return;
    if (from !== source || to !== sink) this.graph.addArc(from, to, capacity);
    else if (capacity === Infinity) this.isFeasible = false;
    else this.constant += capacity;
  }
}

/** The node of a layer at a gap, or the end of the graph where its tiers leave no choice. */
class LayerSides {
  readonly #network: CutBuilder;
  readonly #hopCount: number;
  readonly #first: Int32Array;
  readonly #last: Int32Array;

  constructor(network: CutBuilder, position: readonly number[], tierMasks: Int32Array, hopCount: number) {
    this.#network = network;
    this.#hopCount = hopCount;
    this.#first = new Int32Array(tierMasks.length).fill(hopCount);
    this.#last = new Int32Array(tierMasks.length);
    tierMasks.forEach((mask, layer) => {
      position.forEach((place, tier) => {
        if ((mask & (1 << tier)) === 0) return;
        this.#first[layer] = Math.min(this.#first[layer] as number, place);
        this.#last[layer] = Math.max(this.#last[layer] as number, place);
      });
    });
  }

  of(layer: number, hop: number): number {
    if (hop < (this.#first[layer] as number)) return this.#network.graph.sink;
    if (hop >= (this.#last[layer] as number)) return this.#network.graph.source;
    return layer * this.#hopCount + hop;
  }
}

function addLayers(
  network: CutBuilder,
  sides: LayerSides,
  tables: TierTables,
  tierMasks: Int32Array,
  relaxation: Relaxation,
): void {
  const {tierCount, layers} = tables.problem;
  const {hops, tierWeights, memoryPrices} = relaxation;
  layers.forEach(({weightBytes}, layer) => {
    hops.order.forEach((tier, place) => {
      const timeNs = tables.timesNs[layer * tierCount + tier] as number;
      const cost =
        ((tierMasks[layer] as number) & (1 << tier)) === 0
          ? Infinity
          : timeNs * (tierWeights[tier] as number) + Math.floor(weightBytes * (memoryPrices[tier] as number));
      network.addArc(
        place === hops.count ? network.graph.source : sides.of(layer, place),
        place === 0 ? network.graph.sink : sides.of(layer, place - 1),
        cost,
      );
      // Right of gap i + 1 is right of gap i.
      if (place + 1 < hops.count)
        network.addArc(sides.of(layer, place), sides.of(layer, place + 1), Infinity);
    });
  });
}

function addTensor(
  network: CutBuilder,
  sides: LayerSides,
  tables: TierTables,
  tierMasks: Int32Array,
  state: LinkState,
  relaxation: Relaxation,
  tensor: number,
): void {
  const {hops, rightShares, leftShares} = relaxation;
  const {producer, consumers, isOutput} = tables.problem.tensors[
    tensor
  ] as TierTables['problem']['tensors'][number];
  if (consumers.length === 0 && !(isOutput && producer !== null)) return;
  if (rightShares !== null && leftShares !== null) {
    const settled = settledCost(tables, tierMasks, state, relaxation, tensor);
    if (settled !== null) {
      if (settled === Infinity) network.isFeasible = false;
      else network.constant += settled;
      return;
    }
  }
  const {source, sink} = network.graph;
  const rights = wholeCosts(tables, relaxation, rightShares, tensor, true);
  const lefts = wholeCosts(tables, relaxation, leftShares, tensor, false);
  for (let hop = 0; hop < hops.count; hop++) {
    // Tier 0 is where inputs come from and outputs go.
    const home = (hops.position[0] as number) > hop ? sink : source;
    const from = producer === null ? home : sides.of(producer, hop);
    const readers = consumers.map(consumer => sides.of(consumer, hop));
    const right = rights[hop] as number;
    if (!(hops.canReadRight[hop] as boolean))
      for (const reader of readers) network.addArc(from, reader, Infinity);
    if (isOutput && home === sink) network.addArc(from, sink, right);
    else if (hops.canReadRight[hop] as boolean) addShared(network, readers, right, from, 'right');
    const left = lefts[hop] as number;
    if (!(hops.canReadLeft[hop] as boolean))
      for (const reader of readers) network.addArc(reader, from, Infinity);
    if (isOutput && home === source) network.addArc(source, from, left);
    else if (hops.canReadLeft[hop] as boolean) addShared(network, readers, left, from, 'left');
  }
}

/** Charged once if the tensor is on one side and any of its readers on the other. */
function addShared(
  network: CutBuilder,
  readers: readonly number[],
  cost: number,
  from: number,
  direction: 'right' | 'left',
): void {
  const {source, sink} = network.graph;
  const farEnd = direction === 'right' ? sink : source;
  if (cost === 0 || from === farEnd) return;
  const across = readers.includes(farEnd)
    ? [farEnd]
    : [...new Set(readers)].filter(reader => reader !== from);
  const [only] = across;
  if (only === undefined) return;
  const shared = across.length === 1 ? only : network.addNode();
  if (direction === 'right') network.addArc(from, shared, cost);
  else network.addArc(shared, from, cost);
  if (shared === only) return;
  for (const reader of across) {
    if (direction === 'right') network.addArc(shared, reader, Infinity);
    else network.addArc(reader, shared, Infinity);
  }
}

/** What a tensor costs whose ends are all fixed; `null` when one is not. Closer than its shares when it goes several ways. */
function settledCost(
  {problem, routes, upNs, downNs}: TierTables,
  tierMasks: Int32Array,
  {closedMask}: LinkState,
  {linkWeights, stageLimitNs}: Relaxation,
  tensor: number,
): number | null {
  const {producer, consumers, isOutput} = problem.tensors[tensor] as TierTables['problem']['tensors'][number];
  const producerMask = producer === null ? 1 : (tierMasks[producer] as number);
  if ((producerMask & (producerMask - 1)) !== 0) return null;
  let readMask = 0;
  for (const consumer of consumers) {
    const mask = tierMasks[consumer] as number;
    if ((mask & (mask - 1)) !== 0) return null;
    readMask |= mask;
  }
  let least = Infinity;
  for (const {steps, linkMask} of routes.between(Math.log2(producerMask), readMask, isOutput)) {
    if ((linkMask & closedMask) !== 0) continue;
    let cost = 0;
    for (const {link, direction} of steps) {
      const ns = (direction === 'up' ? upNs : downNs)[tensor * problem.links.length + link] as number;
      cost += ns > stageLimitNs ? Infinity : ns * (linkWeights[link] as number);
    }
    least = Math.min(least, cost);
  }
  return least;
}

/** Per gap, what crossing it costs in one direction; Infinity where no link spans it. */
function wholeCosts(
  tables: TierTables,
  relaxation: Relaxation,
  shares: Float64Array | null,
  tensor: number,
  isRightwards: boolean,
): Float64Array {
  const {hops} = relaxation;
  const costs = spanCosts(tables, relaxation, tensor, isRightwards);
  const whole = new Float64Array(hops.count).fill(Infinity);
  if (shares !== null) wholeShares(hops.spans, costs, hops.count, shares, tensor * hops.count, whole);
  else
    hops.spans.forEach(({first}, index) => {
      whole[first] = costs[index] as number;
    });
  return whole;
}

/** A gap is crossed by something as soon as a layer that is joined to tier 0 lies on its other side. */
function addOpenings(
  network: CutBuilder,
  sides: LayerSides,
  tables: TierTables,
  relaxation: Relaxation,
): void {
  const {hops, openingShares} = relaxation;
  const {source, sink} = network.graph;
  // One-way in numbered order, whatever feeds a layer lies no higher than it: watching the last layers is enough.
  const isRising =
    tables.problem.direction === 'one-way' && !hops.canReadLeft.includes(true) && hops.position[0] === 0;
  for (let hop = 0; hop < hops.count; hop++) {
    const share = openingShares[hop] as number;
    const ns = share === Infinity ? 0 : Math.floor(share);
    if (ns === 0) continue;
    const isHomeRight = (hops.position[0] as number) > hop;
    const opened = network.addNode();
    if (isHomeRight) network.addArc(opened, sink, ns);
    else network.addArc(source, opened, ns);
    tables.problem.layers.forEach((_, layer) => {
      if (tables.isAnchored[layer] === 0 || (isRising && tables.feedsNothing[layer] === 0)) return;
      const node = sides.of(layer, hop);
      if (isHomeRight) network.addArc(node, opened, Infinity);
      else network.addArc(opened, node, Infinity);
    });
  }
}
