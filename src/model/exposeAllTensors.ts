import type {ElementType} from '../documents/elementTypes.ts';
import type {Graph, GraphTensor} from './graph.ts';
import {createUntypedValueInfo} from './onnx/createMessages.ts';
import type {OnnxModel} from './onnx/messages.ts';
import {unportableTensors} from './unportableTensors.ts';

export interface MeasuredType {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
}

/**
 * The model with every intermediate tensor as an output, by name only, so that one run tells all types and shapes.
 * Left out is what the runtime cannot hand out (4-bit types would abort the process) and what is no tensor.
 */
export function modelExposingAllTensors(graph: Graph): OnnxModel {
  const {model} = graph;
  const unportable = unportableTensors(graph);
  const added = [...graph.tensors.values()].filter(
    ({name, producer, isOutput}) => producer !== null && !isOutput && !unportable.has(name),
  );
  const outputs = [...model.graph.outputs, ...added.map(({name}) => createUntypedValueInfo(name))];
  return {...model, graph: {...model.graph, outputs}};
}

/** Types and shapes filled in where the model does not declare them; what it declares in full stays. */
export function withMeasuredTypes(graph: Graph, measured: ReadonlyMap<string, MeasuredType>): Graph {
  const tensors = new Map<string, GraphTensor>();
  for (const [name, tensor] of graph.tensors) {
    const found = measured.get(name);
    const isKnown = tensor.isWeight || (tensor.elementType !== undefined && tensor.shape !== undefined);
    tensors.set(name, found === undefined || isKnown ? tensor : {...tensor, ...found, dims: found.shape});
  }
  return {...graph, tensors};
}
