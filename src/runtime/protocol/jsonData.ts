import type {ElementType} from '../../documents/elementTypes.ts';
import {countElements} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {bytesFromStrings, stringsFromBytes} from '../../engine/stringBytes.ts';
import {isNumericElementType, viewFromBytes} from '../../engine/typedViews.ts';
import {ProtocolError} from './protocolError.ts';

interface IntegerRange {
  readonly min: number;
  readonly max: number;
  readonly View: new (count: number) => {[index: number]: number; readonly buffer: ArrayBufferLike};
}

const INTEGERS: Partial<Record<ElementType, IntegerRange>> = {
  uint8: {min: 0, max: 0xff, View: Uint8Array},
  int8: {min: -0x80, max: 0x7f, View: Int8Array},
  uint16: {min: 0, max: 0xffff, View: Uint16Array},
  int16: {min: -0x8000, max: 0x7fff, View: Int16Array},
  uint32: {min: 0, max: 0xffffffff, View: Uint32Array},
  int32: {min: -0x80000000, max: 0x7fffffff, View: Int32Array},
};

/**
 * The bytes of a tensor given as JSON `data`, flat or nested.
 * @throws ProtocolError 400 when an element has another type or range, or their number is not the shape's
 */
export function bytesFromJsonData(
  name: string,
  type: ElementType,
  shape: readonly number[],
  data: unknown,
): Uint8Array {
  if (!Array.isArray(data)) throw new ProtocolError(400, `input '${name}': "data" must be an array`);
  const flat: unknown[] = data.some(Array.isArray) ? data.flat(Infinity) : data;
  const count = countElements(shape);
  if (flat.length !== count) {
    throw new ProtocolError(
      400,
      `input '${name}' has ${flat.length} elements, but its shape [${shape.join(',')}] takes ${count}`,
    );
  }
  const refuse = (value: unknown): never => {
    throw new ProtocolError(
      400,
      `input '${name}': ${JSON.stringify(value)?.slice(0, 40)} is not a value of ${type}`,
    );
  };
  const range = INTEGERS[type];
  if (range !== undefined) {
    const view = new range.View(count);
    for (let i = 0; i < count; i++) {
      const value = flat[i];
      if (!Number.isInteger(value) || (value as number) < range.min || (value as number) > range.max)
        refuse(value);
      view[i] = value as number;
    }
    return new Uint8Array(view.buffer);
  }
  switch (type) {
    case 'float32':
    case 'float64': {
      const view = type === 'float32' ? new Float32Array(count) : new Float64Array(count);
      for (let i = 0; i < count; i++) {
        const value = flat[i];
        if (typeof value !== 'number') refuse(value);
        view[i] = value as number;
      }
      return new Uint8Array(view.buffer);
    }
    case 'int64':
    case 'uint64': {
      const view = type === 'int64' ? new BigInt64Array(count) : new BigUint64Array(count);
      for (let i = 0; i < count; i++) {
        const value = flat[i];
        const integer =
          typeof value === 'bigint'
            ? value
            : Number.isSafeInteger(value)
              ? BigInt(value as number)
              : refuse(value);
        const wrapped = type === 'int64' ? BigInt.asIntN(64, integer) : BigInt.asUintN(64, integer);
        if (wrapped !== integer) refuse(String(integer));
        view[i] = integer;
      }
      return new Uint8Array(view.buffer);
    }
    case 'bool':
      return Uint8Array.from(flat, value =>
        value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : refuse(value),
      );
    case 'string':
      return bytesFromStrings(flat.map(value => (typeof value === 'string' ? value : refuse(value))));
    default:
      throw new ProtocolError(400, `input '${name}': ${type} can be sent only as binary data`);
  }
}

/**
 * A tensor's elements as JSON text. Integers of 64 bits are exact; NaN and infinities, which JSON does not have,
 * become null.
 * @throws ProtocolError 400 for element types that JSON cannot carry
 */
export function jsonDataFromTensor(name: string, {elementType, bytes}: Tensor): string {
  if (elementType === 'string') return JSON.stringify(stringsFromBytes(bytes));
  if (elementType === 'float16' || !isNumericElementType(elementType)) {
    throw new ProtocolError(
      400,
      `output '${name}': ${elementType} can be sent only as binary data; ask for binary_data`,
    );
  }
  const view = viewFromBytes(elementType, bytes);
  if (elementType === 'bool') return `[${Array.from(view as Uint8Array, value => value !== 0).join(',')}]`;
  if (elementType === 'float32' || elementType === 'float64')
    return JSON.stringify(Array.from(view as Float32Array));
  return `[${view.join(',')}]`;
}

/** JSON whose integers past 2^53 come as bigint; anything else comes as from JSON.parse. */
export function parseExactJson(text: string): unknown {
  const isPlain = !/\d{16}/.test(text);
  if (isPlain) return JSON.parse(text);
  const revive = (_key: string, value: unknown, context?: {readonly source?: string}) => {
    const source = context?.source;
    const isBigInteger =
      typeof value === 'number' &&
      !Number.isSafeInteger(value) &&
      source !== undefined &&
      /^-?\d+$/.test(source);
    return isBigInteger ? BigInt(source) : value;
  };
  return JSON.parse(text, revive);
}
