import {elementTypeOfTensor} from './onnx/tensorData.ts';
import {createValueInfo} from './onnx/createMessages.ts';
import type {OnnxModel, OnnxTensor} from './onnx/messages.ts';

/** Floats whose values shapes follow from, scales of Resize say, are one per axis. */
const SMALLEST_LARGE = 1024;

const FLOATS: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32', 'float64']);

/**
 * The model with its large floating-point initialisers as inputs of the same type and shape: the types and shapes of all
 * other tensors are the same, and nobody has to carry or read the values to find them.
 */
export function largeWeightsAsInputs(model: OnnxModel): OnnxModel {
  const {graph} = model;
  const inputNames = new Set(graph.inputs.map(({name}) => name));
  const isLarge = (tensor: OnnxTensor): boolean =>
    tensor.dims.reduce((product, size) => product * size, 1) >= SMALLEST_LARGE &&
    FLOATS.has(elementTypeOfTensor(tensor)) &&
    !inputNames.has(tensor.name);
  const large = graph.initializers.filter(isLarge);
  const inputs = large.map(tensor => createValueInfo(tensor.name, elementTypeOfTensor(tensor), tensor.dims));
  return {
    ...model,
    graph: {
      ...graph,
      initializers: graph.initializers.filter(tensor => !isLarge(tensor)),
      inputs: [...graph.inputs, ...inputs],
    },
  };
}
