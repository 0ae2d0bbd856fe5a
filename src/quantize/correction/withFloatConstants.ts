import type {OnnxModel} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';

/** The model with other values in some of its float32 constants, shapes as they were. */
export function withFloatConstants(model: OnnxModel, changed: ReadonlyMap<string, Float32Array>): OnnxModel {
  const initializers = model.graph.initializers.map(tensor => {
    const values = changed.get(tensor.name);
    if (values === undefined) return tensor;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return tensorFromValue(tensor.name, {elementType: 'float32', shape: tensor.dims, bytes});
  });
  return {...model, graph: {...model.graph, initializers}};
}
