import type {ElementType} from '../../documents/elementTypes.ts';
import type {OnnxTensor} from '../../model/onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor, tensorFromValue} from '../../model/onnx/tensorData.ts';

export function isFloat32(tensor: OnnxTensor): boolean {
  return elementTypeOfTensor(tensor) === 'float32';
}

/** The values of a float32 tensor where they lie, copied only when they are unaligned there; not to be changed. */
export function viewFloats(tensor: OnnxTensor): Float32Array {
  const bytes = bytesOfTensor(tensor);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** Whether there is neither NaN nor infinity among the values: in a sum either stays. A double holds the sum of any float32s. */
export function areFinite(values: Float32Array): boolean {
  // Four sums, because each addition waits for the one before it.
  let [one, two, three, four] = [0, 0, 0, 0];
  const even = values.length - (values.length % 4);
  for (let at = 0; at < even; at += 4) {
    one += values[at] as number;
    two += values[at + 1] as number;
    three += values[at + 2] as number;
    four += values[at + 3] as number;
  }
  for (let at = even; at < values.length; at += 1) one += values[at] as number;
  return Number.isFinite(one + two + three + four);
}

type TypedValues = Float32Array | Uint16Array | Uint8Array | Int8Array | BigInt64Array;

/** A tensor message over the memory of `values`, which is not copied; 4-bit integers come packed two to a byte. */
export function tensorFromTyped(
  name: string,
  elementType: ElementType,
  dims: readonly number[],
  values: TypedValues,
): OnnxTensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return tensorFromValue(name, {elementType, shape: dims, bytes});
}
