import type {Graph} from './graph.ts';
import {graphFromModel} from './graphFromModel.ts';
import type {OnnxModel} from './onnx/messages.ts';

/**
 * Drops nodes that no output depends on, then weights that nothing reads. Inputs stay, also unread ones: callers give
 * them. The same model when all is used.
 * @throws ExpectedError as graphFromModel
 */
export function dropUnused(model: OnnxModel): OnnxModel {
  const graph = graphFromModel(model);
  const isUsed = usedLayers(graph);
  const layers = graph.layers.filter(layer => isUsed.has(layer.index));
  const read = new Set([
    ...graph.outputs,
    ...layers.flatMap(layer => [...layer.inputs, ...layer.outerInputs]),
  ]);
  const kept = new Set(layers.map(layer => layer.node));
  const nodes = model.graph.nodes.filter(node => kept.has(node));
  const initializers = model.graph.initializers.filter(({name}) => read.has(name));
  const sparseInitializers = model.graph.sparseInitializers.filter(({values}) => read.has(values.name));
  if (
    nodes.length === model.graph.nodes.length &&
    initializers.length === model.graph.initializers.length &&
    sparseInitializers.length === model.graph.sparseInitializers.length
  ) {
    return model;
  }
  const made = new Set(nodes.flatMap(({outputs}) => outputs));
  const valueInfos = model.graph.valueInfos.filter(({name}) => made.has(name));
  return {...model, graph: {...model.graph, nodes, initializers, sparseInitializers, valueInfos}};
}

function usedLayers(graph: Graph): Set<number> {
  const used = new Set<number>();
  const wanted = new Set(graph.outputs);
  for (const layer of graph.layers.toReversed()) {
    if (!layer.outputs.some(name => wanted.has(name))) continue;
    used.add(layer.index);
    for (const name of [...layer.inputs, ...layer.outerInputs]) wanted.add(name);
  }
  return used;
}
