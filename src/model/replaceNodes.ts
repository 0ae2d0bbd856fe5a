import {dropUnused} from './dropUnused.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from './onnx/messages.ts';

/** The model with some nodes replaced by others, or by none, and weights added; what nothing reads any more goes. */
export function replaceNodes(
  model: OnnxModel,
  replacements: ReadonlyMap<OnnxNode, readonly OnnxNode[]>,
  added: readonly OnnxTensor[] = [],
): OnnxModel {
  const nodes = model.graph.nodes.flatMap(node => replacements.get(node) ?? [node]);
  const made = new Set(nodes.flatMap(node => node.outputs));
  const valueInfos = model.graph.valueInfos.filter(({name}) => made.has(name));
  const initializers = [...model.graph.initializers, ...added];
  return dropUnused({...model, graph: {...model.graph, nodes, initializers, valueInfos}});
}
