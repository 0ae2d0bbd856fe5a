import type {ElementType} from '../documents/elementTypes.ts';
import type {TakeName} from '../model/freshNames.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {tensorFromValue} from '../model/onnx/tensorData.ts';

/** Only scales, zero points and biases are compared with each other; weights are larger, and rarely equal. */
const COMPARED_BYTES = 1 << 16;

/** By so many of their bytes, initialisers that may be equal are found. */
const FIRST_BYTES = 32;

export type TypedValues = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array;

/** New initialisers, of which equal ones are made once. */
export class InitializerPool {
  readonly #takeName: TakeName;
  readonly #tensors: OnnxTensor[] = [];
  /** By type, shape and first values. */
  readonly #known = new Map<string, {readonly name: string; readonly bytes: Uint8Array}[]>();

  constructor(takeName: TakeName) {
    this.#takeName = takeName;
  }

  get tensors(): readonly OnnxTensor[] {
    return this.#tensors;
  }

  /** The name of an initialiser with these values: a new one near `wanted`, or one that is there. */
  add(wanted: string, elementType: ElementType, shape: readonly number[], values: TypedValues): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const alike = bytes.byteLength <= COMPARED_BYTES ? this.#alike(elementType, shape, bytes) : [];
    const known = alike.find(one => one.bytes.every((byte, at) => byte === bytes[at]));
    if (known !== undefined) return known.name;
    const name = this.#takeName(wanted);
    this.#tensors.push(tensorFromValue(name, {elementType, shape, bytes}));
    alike.push({name, bytes});
    return name;
  }

  #alike(
    elementType: ElementType,
    shape: readonly number[],
    bytes: Uint8Array,
  ): {name: string; bytes: Uint8Array}[] {
    const key = `${elementType}[${shape.join()}]${bytes.subarray(0, FIRST_BYTES).join()}`;
    const alike = this.#known.get(key) ?? [];
    this.#known.set(key, alike);
    return alike;
  }
}
