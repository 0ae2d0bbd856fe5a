import type {Crossing, ExchangedTensor, Plan, Tier} from '../../documents/plan.ts';
import {foldLayers, type Folding} from './foldLayers.ts';
import {tierOfZone, zoneAfter, zonesOfLayers} from './zonesOfLayers.ts';

export type PlanNode =
  | {readonly kind: 'layers'; readonly layers: readonly number[]}
  | {readonly kind: 'input' | 'output'; readonly tensor: ExchangedTensor}
  | {readonly kind: 'crossing'; readonly tensor: ExchangedTensor; readonly crossing: Crossing | null};

/** What a drawing of a plan shows. Nodes in topological order; edges by position in `nodes`. */
export interface PlanGraph {
  readonly nodes: readonly PlanNode[];
  /** Twice the zone of a node; of a tensor that crosses the link the odd number between its zones. */
  readonly bands: readonly number[];
  readonly edges: readonly (readonly [number, number])[];
  readonly zoneTiers: readonly Tier[];
}

interface BandedNode {
  readonly band: number;
  readonly node: PlanNode;
}

/** A plan's layers, inputs and outputs; each tensor that crosses the link is a node, once for all that read it. */
export function graphFromPlan(plan: Plan, tensors: readonly ExchangedTensor[], folding: Folding): PlanGraph {
  const zones = zonesOfLayers(
    plan.layers.map(({tier}) => tier),
    tensors,
  );
  const made: BandedNode[] = [];
  const addNode = (zone: number, node: PlanNode): BandedNode => {
    const banded = {band: node.kind === 'crossing' ? 2 * zone + 1 : 2 * zone, node};
    made.push(banded);
    return banded;
  };
  const inputs = new Map(
    tensors
      .filter(({producer}) => producer === null)
      .map(tensor => [tensor, addNode(0, {kind: 'input', tensor})]),
  );
  const boxOf = new Map<number, BandedNode>();
  for (const layers of foldLayers(zones, tensors, folding)) {
    const box = addNode(zones[layers[0] ?? 0] ?? 0, {kind: 'layers', layers});
    for (const layer of layers) boxOf.set(layer, box);
  }
  const edges: [BandedNode, BandedNode][] = [];
  for (const tensor of tensors) {
    const source = tensor.producer === null ? inputs.get(tensor) : boxOf.get(tensor.producer);
    if (source === undefined) continue;
    const sourceZone = source.band / 2;
    const readers = new Set(tensor.consumers.flatMap(consumer => boxOf.get(consumer) ?? []));
    readers.delete(source);
    if (tensor.isOutput) readers.add(addNode(zoneAfter(sourceZone, 'device'), {kind: 'output', tensor}));
    const sourceTier = tierOfZone(sourceZone);
    const crossers = [...readers].filter(({band}) => tierOfZone(band / 2) !== sourceTier);
    if (crossers.length > 0) {
      const direction = sourceTier === 'device' ? 'up' : 'down';
      const crossing =
        plan.cut.find(row => row.tensor === tensor.name && row.direction === direction) ?? null;
      const between = addNode(sourceZone, {kind: 'crossing', tensor, crossing});
      edges.push([source, between], ...crossers.map((to): [BandedNode, BandedNode] => [between, to]));
    }
    for (const to of readers) if (!crossers.includes(to)) edges.push([source, to]);
  }
  // Within a band the order in which nodes were made is topological, for the layers come as the plan has them.
  const sorted = made.toSorted((left, right) => left.band - right.band);
  const positions = new Map(sorted.map((banded, position) => [banded, position]));
  const lastZone = Math.max(0, ...sorted.map(({band}) => Math.ceil(band / 2)));
  return {
    nodes: sorted.map(({node}) => node),
    bands: sorted.map(({band}) => band),
    edges: edges.map(([from, to]) => [positions.get(from) ?? 0, positions.get(to) ?? 0]),
    zoneTiers: Array.from({length: lastZone + 1}, (_, zone) => tierOfZone(zone)),
  };
}
