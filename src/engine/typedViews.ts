import type {ElementType} from '../documents/elementTypes.ts';

const VIEWS = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
} as const;

export type NumericElementType = keyof typeof VIEWS;

export function isNumericElementType(type: ElementType): type is NumericElementType {
  return type in VIEWS;
}

/** What can be an input or output of a session: everything but 4-bit, bfloat16, float8 and complex. */
export function canCrossBoundary(type: ElementType): boolean {
  return type === 'string' || isNumericElementType(type);
}

/**
 * The bytes of a dense tensor as numbers (float16 as its 16 bits), viewed in place when they are aligned and copied
 * when they are not. A last, partial element is left out.
 */
export function viewFromBytes<T extends NumericElementType>(
  type: T,
  bytes: Uint8Array,
): InstanceType<(typeof VIEWS)[T]> {
  const View = VIEWS[type];
  const aligned = bytes.byteOffset % View.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  const length = Math.floor(aligned.byteLength / View.BYTES_PER_ELEMENT);
  return new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, length) as InstanceType<
    (typeof VIEWS)[T]
  >;
}
