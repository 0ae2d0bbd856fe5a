import {costOfPlacement, crossingNs} from './costOfPlacement.ts';
import type {PlacementCost, ProblemTier} from './costOfPlacement.ts';
import {FlowGraph} from './flowGraph.ts';
import {errorFromConflict} from './infeasible.ts';
import type {ArcMeaning} from './infeasible.ts';
import {maximumFlow} from './maximumFlow.ts';
import type {PlacementProblem} from './problem.ts';

export interface Placement extends PlacementCost {
  /** One per layer of the problem. */
  readonly tiers: readonly ProblemTier[];
  /** A flow as large as the cut proves that no placement is cheaper. */
  readonly certificate: {readonly flowNs: number; readonly cutNs: number};
}

/**
 * The cheapest placement, proven: layers on the device or in the cloud, data flowing up only (but for the outputs),
 * each tensor charged once however many layers read it. Of equally cheap ones, that with most layers on the device.
 * @throws ExpectedError `nothing-feasible` (exit 13) naming the pins and tensors that contradict each other
 * @see Picard and Ratliff, "Minimum cuts and related problems", Networks 5 (1975)
 */
export function choosePlacement(problem: PlacementProblem): Placement {
  const {graph, meanings} = graphFromProblem(problem);
  const {flow, isFinite, sourceSide} = maximumFlow(graph);
  if (!isFinite) throw errorFromConflict(problem, graph, meanings);
  const tiers = problem.layers.map((_, index): ProblemTier => (sourceSide[index] === 1 ? 'device' : 'cloud'));
  const cost = costOfPlacement(problem, tiers);
  if (cost.violations.length > 0 || cost.costNs !== flow)
    throw new Error(
      `the cut does not prove itself: flow ${flow} ns, cost ${cost.costNs} ns, ${cost.violations.length} violations`,
    );
  return {...cost, tiers, certificate: {flowNs: flow, cutNs: cost.costNs}};
}

/**
 * The source's side is the device, the sink's side the cloud. Nodes: the layers, then one per tensor that several
 * layers read, one for the link's fixed cost and one for the device's, source, sink.
 */
function graphFromProblem(problem: PlacementProblem): {graph: FlowGraph; meanings: Map<number, ArcMeaning>} {
  const {layers, tensors, link} = problem;
  const sharedNodes = new Map<number, number>();
  tensors.forEach((tensor, index) => {
    if (tensor.consumers.length > 1) sharedNodes.set(index, layers.length + sharedNodes.size);
  });
  const linkNode = layers.length + sharedNodes.size;
  const deviceNode = linkNode + 1;
  const source = linkNode + 2;
  const sink = linkNode + 3;
  const graph = new FlowGraph(linkNode + 4, source, sink);
  const meanings = new Map<number, ArcMeaning>();
  const forbid = (from: number, to: number, meaning: ArcMeaning): void => {
    meanings.set(graph.arcCount, meaning);
    graph.addArc(from, to, Infinity);
  };

  const downNs = new Array<number>(layers.length).fill(0);
  const feedsLayers = new Uint8Array(layers.length);
  tensors.forEach((tensor, index) => {
    const {producer, consumers} = tensor;
    if (producer !== null) {
      if (consumers.length > 0) feedsLayers[producer] = 1;
      for (const consumer of consumers) forbid(consumer, producer, {kind: 'flows-back', tensor: index});
      if (tensor.isOutput) {
        if (!tensor.canCross) forbid(source, producer, {kind: 'cannot-cross', tensor: index});
        else if (link !== null)
          downNs[producer] = (downNs[producer] as number) + crossingNs(link, tensor, 'down');
      }
    }
    const [firstConsumer] = consumers;
    if (firstConsumer === undefined) return;
    const from = producer ?? source;
    const shared = sharedNodes.get(index);
    const to = shared ?? firstConsumer;
    if (!tensor.canCross) forbid(from, to, {kind: 'cannot-cross', tensor: index});
    else if (link !== null) graph.addArc(from, to, crossingNs(link, tensor, 'up'));
    if (shared !== undefined)
      for (const consumer of consumers) forbid(shared, consumer, {kind: 'shared', tensor: index});
  });

  layers.forEach((layer, index) => {
    if (link === null) forbid(source, index, {kind: 'no-cloud', layer: index});
    else if (layer.cloudNs === null) forbid(source, index, {kind: 'cannot-run-in-cloud', layer: index});
    else graph.addArc(source, index, layer.cloudNs + (downNs[index] as number));
    graph.addArc(index, sink, layer.deviceNs);
    if (layer.pin?.tier === 'device') forbid(source, index, {kind: 'pinned', layer: index});
    if (layer.pin?.tier === 'cloud') forbid(index, sink, {kind: 'pinned', layer: index});
    forbid(index, deviceNode, {kind: 'device', layer: index});
    // Whatever runs in the cloud, the layers it feeds do too: watching those that feed nothing is enough.
    if (link !== null && feedsLayers[index] === 0) forbid(linkNode, index, {kind: 'link', layer: index});
  });
  if (link !== null) {
    graph.addArc(source, linkNode, link.fixedNs);
    // Cut exactly when layers run on both tiers: then the device's node is on the source's side, the link's is not.
    graph.addArc(deviceNode, linkNode, link.cutFixedNs ?? 0);
  }
  graph.addArc(deviceNode, sink, problem.deviceFixedNs ?? 0);
  return {graph, meanings};
}
