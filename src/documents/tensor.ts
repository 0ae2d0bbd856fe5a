import type {ElementType} from './elementTypes.ts';

/** A dense tensor: row-major, little-endian, exactly as it lies in an ONNX file's raw data and on the wire. */
export interface Tensor {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** May be unaligned: copy before viewing it as Float32Array. */
  readonly bytes: Uint8Array;
}

export type NamedTensors = Readonly<Record<string, Tensor>>;

export interface TensorSpec {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
}
