import type {OnnxModel} from '../../model/onnx/messages.ts';
import {copyOfTensor, elementTypeOfTensor} from '../../model/onnx/tensorData.ts';

/** A model's initialisers by name, read whenever they are asked for: a model may be larger than memory. */
export interface ConstantValues {
  /** `null` for what is no dense float32 initialiser. */
  floats(name: string): Float32Array | null;
  /** `null` for what is no dense int64 or int32 initialiser. */
  integers(name: string): readonly number[] | null;
}

export function constantValues(model: OnnxModel): ConstantValues {
  const tensors = new Map(model.graph.initializers.map(tensor => [tensor.name, tensor]));
  const bytesOf = (name: string, ...elementTypes: string[]): {type: string; buffer: ArrayBuffer} | null => {
    const tensor = tensors.get(name);
    if (tensor === undefined) return null;
    const type = elementTypeOfTensor(tensor);
    // A copy of its own, because the file's bytes may lie unaligned.
    return elementTypes.includes(type) ? {type, buffer: copyOfTensor(tensor).buffer} : null;
  };
  return {
    floats(name) {
      const found = bytesOf(name, 'float32');
      return found && new Float32Array(found.buffer);
    },
    integers(name) {
      const found = bytesOf(name, 'int64', 'int32');
      if (found === null) return null;
      return found.type === 'int64'
        ? Array.from(new BigInt64Array(found.buffer), Number)
        : Array.from(new Int32Array(found.buffer));
    },
  };
}
