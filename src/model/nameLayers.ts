import type {OnnxModel, OnnxNode} from './onnx/messages.ts';
import {mapSame} from './onnx/rewriteTensors.ts';

/**
 * Gives every node of the outer graph a name of its own, because profiles, plans and messages speak of layers by name.
 * Names that occur once are kept; a repeated one is kept by its first node. New names are the operator and a number.
 */
export function nameLayers(model: OnnxModel): OnnxModel {
  const taken = new Set(model.graph.nodes.map(({name}) => name));
  const seen = new Set(['']);
  let count = 0;
  const nodes = mapSame(model.graph.nodes, (node: OnnxNode): OnnxNode => {
    if (!seen.has(node.name)) {
      seen.add(node.name);
      return node;
    }
    let name: string;
    do name = `${node.operator}_${count++}`;
    while (taken.has(name));
    taken.add(name);
    return {...node, name};
  });
  return nodes === model.graph.nodes ? model : {...model, graph: {...model.graph, nodes}};
}
