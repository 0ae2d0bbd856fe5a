import type {OnnxGraph, OnnxNode} from './onnx/messages.ts';

/** The bodies a node carries: branches of If, bodies of Loop, Scan and SequenceMap. */
export function bodiesOf(node: OnnxNode): readonly OnnxGraph[] {
  return node.attributes.flatMap(({graph, graphs}) => (graph === undefined ? graphs : [graph, ...graphs]));
}

/** Names of the enclosing graph that the node's bodies read, however deep, in the order of first use. */
export function outerNamesOf(node: OnnxNode): string[] {
  const names = new Set<string>();
  for (const body of bodiesOf(node)) for (const name of freeNamesOf(body)) names.add(name);
  return [...names];
}

function freeNamesOf(graph: OnnxGraph): Set<string> {
  const own = new Set([
    ...graph.inputs.map(({name}) => name),
    ...graph.initializers.map(({name}) => name),
    ...graph.sparseInitializers.map(({values}) => values.name),
    ...graph.nodes.flatMap(({outputs}) => outputs),
  ]);
  const used = [
    ...graph.nodes.flatMap(node => [...node.inputs, ...outerNamesOf(node)]),
    ...graph.outputs.map(({name}) => name),
  ];
  return new Set(used.filter(name => name !== '' && !own.has(name)));
}

/** Every node of the graph and of all bodies below it. */
export function* nodesDeep(nodes: readonly OnnxNode[]): Iterable<OnnxNode> {
  for (const node of nodes) {
    yield node;
    for (const body of bodiesOf(node)) yield* nodesDeep(body.nodes);
  }
}
