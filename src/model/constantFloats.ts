import type {OnnxModel, OnnxTensor} from './onnx/messages.ts';
import {copyOfTensor, elementTypeOfTensor, tensorFromValue} from './onnx/tensorData.ts';

export interface ConstantFloats {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** Reads the model's float32 weights by name; `null` for anything else, and for what a caller may override. */
export function constantFloats(model: OnnxModel): (name: string | undefined) => ConstantFloats | null {
  const isOverridable = new Set(model.graph.inputs.map(({name}) => name));
  const weights = new Map(model.graph.initializers.map(tensor => [tensor.name, tensor]));
  return name => {
    const tensor = name === undefined || isOverridable.has(name) ? undefined : weights.get(name);
    if (tensor === undefined || elementTypeOfTensor(tensor) !== 'float32') return null;
    const values = new Float32Array(copyOfTensor(tensor).buffer);
    return {dims: tensor.dims, values};
  };
}

export function floatTensor(name: string, dims: readonly number[], values: Float32Array): OnnxTensor {
  return tensorFromValue(name, {
    elementType: 'float32',
    shape: dims,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
}
