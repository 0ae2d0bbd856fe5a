import type {ElementType} from '../documents/elementTypes.ts';
import type {TakeName} from '../model/freshNames.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {tensorFromValue} from '../model/onnx/tensorData.ts';

/** Only scales, zero points and biases are compared with each other; weights are larger, and rarely equal. */
const COMPARED_BYTES = 1 << 16;

export type TypedValues = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array;

/** New initialisers, of which equal ones are made once. */
export class InitializerPool {
  readonly #takeName: TakeName;
  readonly #tensors: OnnxTensor[] = [];
  readonly #known = new Map<string, string>();

  constructor(takeName: TakeName) {
    this.#takeName = takeName;
  }

  get tensors(): readonly OnnxTensor[] {
    return this.#tensors;
  }

  /** The name of an initialiser with these values: a new one near `wanted`, or one that is there. */
  add(wanted: string, elementType: ElementType, shape: readonly number[], values: TypedValues): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const isCompared = bytes.byteLength <= COMPARED_BYTES;
    const key = isCompared ? `${elementType}[${shape.join()}]${bytes.join()}` : '';
    const known = isCompared ? this.#known.get(key) : undefined;
    if (known !== undefined) return known;
    const name = this.#takeName(wanted);
    this.#tensors.push(tensorFromValue(name, {elementType, shape, bytes}));
    if (isCompared) this.#known.set(key, name);
    return name;
  }
}
