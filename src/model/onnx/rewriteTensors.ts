import type {OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor} from './messages.ts';

/** `initializer`: of the model's graph; `inner`: of a subgraph; `attribute`: inside a node. */
export type TensorPlace = 'initializer' | 'inner' | 'attribute';

type Rewrite = (tensor: OnnxTensor, place: TensorPlace) => OnnxTensor;

/** Every dense tensor passed through `rewrite`; messages in which nothing changed stay the same objects. */
export function rewriteTensors(model: OnnxModel, rewrite: Rewrite): OnnxModel {
  const graph = rewriteGraph(model.graph, rewrite, 'initializer');
  const functions = mapSame(model.functions, fn => {
    const nodes = mapSame(fn.nodes, node => rewriteNode(node, rewrite));
    return nodes === fn.nodes ? fn : {...fn, nodes};
  });
  return graph === model.graph && functions === model.functions ? model : {...model, graph, functions};
}

function rewriteGraph(graph: OnnxGraph, rewrite: Rewrite, place: TensorPlace): OnnxGraph {
  const initializers = mapSame(graph.initializers, tensor => rewrite(tensor, place));
  const nodes = mapSame(graph.nodes, node => rewriteNode(node, rewrite));
  return initializers === graph.initializers && nodes === graph.nodes
    ? graph
    : {...graph, initializers, nodes};
}

function rewriteNode(node: OnnxNode, rewrite: Rewrite): OnnxNode {
  const attributes = mapSame(node.attributes, attribute => rewriteAttribute(attribute, rewrite));
  return attributes === node.attributes ? node : {...node, attributes};
}

function rewriteAttribute(attribute: OnnxAttribute, rewrite: Rewrite): OnnxAttribute {
  const tensor = attribute.tensor && rewrite(attribute.tensor, 'attribute');
  const graph = attribute.graph && rewriteGraph(attribute.graph, rewrite, 'inner');
  const tensors = mapSame(attribute.tensors, one => rewrite(one, 'attribute'));
  const graphs = mapSame(attribute.graphs, one => rewriteGraph(one, rewrite, 'inner'));
  if (
    tensor === attribute.tensor &&
    graph === attribute.graph &&
    tensors === attribute.tensors &&
    graphs === attribute.graphs
  ) {
    return attribute;
  }
  return {...attribute, ...(tensor && {tensor}), ...(graph && {graph}), tensors, graphs};
}

/** `map`, but the same array when no element changed. */
export function mapSame<T>(values: readonly T[], change: (value: T) => T): readonly T[] {
  const mapped = values.map(change);
  return mapped.every((value, index) => value === values[index]) ? values : mapped;
}
