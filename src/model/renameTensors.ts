import {mapSame} from './onnx/rewriteTensors.ts';
import type {OnnxAttribute, OnnxGraph, OnnxNode} from './onnx/messages.ts';

/**
 * Every use of the given names inside the graph under its new name: what nodes make and read, weights, declared types and
 * what bodies read. The graph's own inputs and outputs keep theirs.
 */
export function renameTensors(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const rename = (name: string): string => names.get(name) ?? name;
  return {
    ...graph,
    nodes: mapSame(graph.nodes, node => renameInNode(node, names)),
    initializers: mapSame(graph.initializers, tensor => named(tensor, rename(tensor.name))),
    sparseInitializers: mapSame(graph.sparseInitializers, tensor => {
      const values = named(tensor.values, rename(tensor.values.name));
      return values === tensor.values ? tensor : {...tensor, values};
    }),
    valueInfos: mapSame(graph.valueInfos, info => named(info, rename(info.name))),
  };
}

function renameInNode(node: OnnxNode, names: ReadonlyMap<string, string>): OnnxNode {
  const rename = (name: string): string => names.get(name) ?? name;
  const inputs = mapSame(node.inputs, rename);
  const outputs = mapSame(node.outputs, rename);
  const attributes = mapSame(node.attributes, attribute => renameInBodies(attribute, names));
  return inputs === node.inputs && outputs === node.outputs && attributes === node.attributes
    ? node
    : {...node, inputs, outputs, attributes};
}

function renameInBodies(attribute: OnnxAttribute, names: ReadonlyMap<string, string>): OnnxAttribute {
  const graph = attribute.graph && renameInBody(attribute.graph, names);
  const graphs = mapSame(attribute.graphs, body => renameInBody(body, names));
  if (graph === attribute.graph && graphs === attribute.graphs) return attribute;
  return {...attribute, ...(graph && {graph}), graphs};
}

/** A body's own names are its own: only what it takes from the graph around it is renamed. */
function renameInBody(body: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const own = new Set([
    ...body.inputs.map(({name}) => name),
    ...body.initializers.map(({name}) => name),
    ...body.sparseInitializers.map(({values}) => values.name),
    ...body.nodes.flatMap(({outputs}) => outputs),
  ]);
  const outer = new Map([...names].filter(([name]) => !own.has(name)));
  const nodes = mapSame(body.nodes, node => renameInNode(node, outer));
  const outputs = mapSame(body.outputs, info => named(info, outer.get(info.name) ?? info.name));
  return nodes === body.nodes && outputs === body.outputs ? body : {...body, nodes, outputs};
}

function named<T extends {readonly name: string}>(holder: T, name: string): T {
  return holder.name === name ? holder : {...holder, name};
}
