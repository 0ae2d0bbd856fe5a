import type {MeasuredType} from './exposeAllTensors.ts';
import type {Graph, GraphTensor} from './graph.ts';
import {createUntypedValueInfo} from './onnx/createMessages.ts';
import type {OnnxModel} from './onnx/messages.ts';

/**
 * The model with every tensor of the outer graph declared, those that it leaves out by name only: ONNX Runtime fills the
 * types and shapes that it infers into what is declared, and writes them when it writes the model.
 */
export function declareTensors(model: OnnxModel): OnnxModel {
  const {graph} = model;
  const declared = new Set([...graph.valueInfos, ...graph.outputs].map(({name}) => name));
  const left = new Set(graph.nodes.flatMap(({outputs}) => outputs).filter(name => name !== ''));
  const added = [...left].filter(name => !declared.has(name)).map(createUntypedValueInfo);
  return {...model, graph: {...graph, valueInfos: [...graph.valueInfos, ...added]}};
}

/** Types and shapes that the model declares in full, of all tensors that are no weights. */
export function declaredTypes(graph: Graph): Map<string, MeasuredType> {
  return new Map(
    [...graph.tensors.values()].flatMap(({name, isWeight, elementType, shape}) =>
      isWeight || elementType === undefined || shape === undefined ? [] : [[name, {elementType, shape}]],
    ),
  );
}

/** Whether anything reads the tensor while its type or shape is not known. */
export function isTypeMissed(tensor: GraphTensor): boolean {
  const {isWeight, isTensor, elementType, shape, consumers, isOutput} = tensor;
  const isRead = isOutput || consumers.length > 0;
  return isRead && isTensor && !isWeight && (elementType === undefined || shape === undefined);
}
