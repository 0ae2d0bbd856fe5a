import type {InspectedCut, InspectedTensor, Inspection} from '../documents/inspection.ts';
import {operatorOf} from './explainRuntimeError.ts';
import type {Graph} from './graph.ts';
import {bytesOfGraphTensor, type GraphCosts} from './layerCosts.ts';
import {unportableTensors} from './unportableTensors.ts';

const CHEAPEST_CUTS = 5;

/** Everything `edgewise inspect` shows, as plain data. */
export function describeModel(graph: Graph, costs: GraphCosts): Inspection {
  const {model} = graph;
  const tensorNamed = (name: string): InspectedTensor => {
    const tensor = graph.tensors.get(name);
    return {
      name,
      elementType: tensor?.elementType ?? null,
      shape: tensor?.dims ?? null,
      bytes: bytesOfGraphTensor(tensor),
    };
  };
  const cuts = chainCuts(graph);
  return {
    model: {
      producer: [model.producerName, model.producerVersion].filter(text => text !== '').join(' '),
      irVersion: model.irVersion,
      opsets: model.opsetImports.map(({domain, version}) => ({domain, version})),
    },
    inputs: graph.inputs.map(tensorNamed),
    outputs: graph.outputs.map(tensorNamed),
    totals: {layers: graph.layers.length, ...costs.totals},
    layers: graph.layers.map((layer, index) => ({
      name: layer.name,
      operator: operatorOf(layer),
      outputs: layer.outputs.map(tensorNamed),
      multiplyAdds: costs.layers[index]?.multiplyAdds ?? null,
      weightBytes: costs.layers[index]?.weightBytes ?? 0,
      sharesWeights: costs.layers[index]?.sharesWeights ?? false,
      activationBytes: costs.layers[index]?.activationBytes ?? null,
    })),
    cuts,
    cheapestCuts: cheapestOf(cuts),
  };
}

/** What crosses when the device runs the first i layers, for each i; at the end, nothing but the answer is left. */
function chainCuts(graph: Graph): InspectedCut[] {
  const unportable = unportableTensors(graph);
  const crossing = new Set<string>();
  const lastConsumer = (name: string): number => graph.tensors.get(name)?.consumers.at(-1) ?? -1;
  const cutAt = (position: number): InspectedCut => {
    for (const name of crossing) if (lastConsumer(name) < position) crossing.delete(name);
    const tensors = [...crossing];
    const bytes = tensors.map(name =>
      unportable.has(name) ? null : bytesOfGraphTensor(graph.tensors.get(name)),
    );
    return {
      position,
      after: graph.layers[position - 1]?.name ?? null,
      tensors,
      bytes: bytes.includes(null) ? null : bytes.reduce((sum: number, one) => sum + (one ?? 0), 0),
    };
  };
  for (const name of graph.inputs) crossing.add(name);
  const cuts = [cutAt(0)];
  for (const layer of graph.layers) {
    for (const name of layer.outputs) crossing.add(name);
    cuts.push(cutAt(layer.index + 1));
  }
  return cuts;
}

/** A later cut is worth showing only when it sends less: it leaves more work to the device. */
function cheapestOf(cuts: readonly InspectedCut[]): InspectedCut[] {
  let least = Infinity;
  const better: InspectedCut[] = [];
  for (const cut of cuts.slice(1, -1)) {
    if (cut.bytes === null || cut.bytes >= least) continue;
    least = cut.bytes;
    better.push(cut);
  }
  return better.toReversed().slice(0, CHEAPEST_CUTS);
}
