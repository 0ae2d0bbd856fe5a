import type {Tensor} from '../../documents/tensor.ts';
import {floatFromHalf} from '../../model/halfPrecision.ts';

/** Any numeric tensor's values as numbers: float32 in place where it is aligned, float16 widened. */
export function floatsOf(tensor: Tensor): Float32Array | Float64Array {
  const {elementType, bytes} = tensor;
  const {buffer} = bytes.byteOffset % 8 === 0 && bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
  const offset = bytes.byteOffset % 8 === 0 ? bytes.byteOffset : 0;
  const length = bytes.byteLength;
  switch (elementType) {
    case 'float32':
      return new Float32Array(buffer as ArrayBuffer, offset, length / 4);
    case 'float64':
      return new Float64Array(buffer as ArrayBuffer, offset, length / 8);
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer as ArrayBuffer, offset, length / 2), floatFromHalf);
    case 'uint8':
    case 'bool':
      return Float32Array.from(new Uint8Array(buffer as ArrayBuffer, offset, length));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer as ArrayBuffer, offset, length));
    case 'uint16':
      return Float32Array.from(new Uint16Array(buffer as ArrayBuffer, offset, length / 2));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer as ArrayBuffer, offset, length / 2));
    case 'uint32':
      return Float64Array.from(new Uint32Array(buffer as ArrayBuffer, offset, length / 4));
    case 'int32':
      return Float64Array.from(new Int32Array(buffer as ArrayBuffer, offset, length / 4));
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer as ArrayBuffer, offset, length / 8), Number);
    case 'uint64':
      return Float64Array.from(new BigUint64Array(buffer as ArrayBuffer, offset, length / 8), Number);
    default:
      throw new RangeError(`values of type ${elementType} are no numbers`);
  }
}
