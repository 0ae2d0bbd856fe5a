import type {ElementType} from '../../documents/elementTypes.ts';
import type {OnnxTensor} from '../../model/onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor, tensorFromValue} from '../../model/onnx/tensorData.ts';

/** All exponent bits of a float32 are set: infinity or NaN. */
const EXPONENT_BITS = 0x7f80_0000;

export function isFloat32(tensor: OnnxTensor): boolean {
  return elementTypeOfTensor(tensor) === 'float32';
}

/** The values of a float32 tensor where they lie, copied only when they are unaligned there; not to be changed. */
export function viewFloats(tensor: OnnxTensor): Float32Array {
  const bytes = bytesOfTensor(tensor);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

export function areFinite(values: Float32Array): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let at = 0; at < bits.length; at += 1) {
    if (((bits[at] as number) & EXPONENT_BITS) === EXPONENT_BITS) return false;
  }
  return true;
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
