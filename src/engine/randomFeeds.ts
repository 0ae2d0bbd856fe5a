import {countElements} from '../documents/elementTypes.ts';
import type {Tensor, TensorSpec} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {bytesFromStrings} from './stringBytes.ts';

/** Marsaglia's xorshift32: small, and the same sequence on every machine. */
function startSequence(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/**
 * The same values for the same inputs and seed: floats in [0,1), integers in 0..7, true and false, strings "0".."7".
 * @throws ExpectedError `unsupported-tensor-type`
 */
export function randomFeeds(inputs: readonly TensorSpec[], seed: number): Record<string, Tensor> {
  const next = startSequence(seed);
  return Object.fromEntries(
    inputs.map(({name, elementType, shape}) => {
      const count = countElements(shape);
      const fill = fillers[elementType];
      if (fill === undefined) {
        throw new ExpectedError(
          'unsupported-tensor-type',
          `Input "${name}" is ${elementType}, which cannot be exchanged with ONNX Runtime.`,
          EXIT.unsupported,
        );
      }
      return [name, {elementType, shape: [...shape], bytes: fill(count, next)}];
    }),
  );
}

type Fill = (count: number, next: () => number) => Uint8Array;

const smallInteger = (next: () => number) => Math.floor(next() * 8);
const bytesOf = (view: ArrayBufferView<ArrayBuffer>) => new Uint8Array(view.buffer);
const fillWith =
  (
    View: {from(source: {length: number}, map: () => number): ArrayBufferView<ArrayBuffer>},
    value: (next: () => number) => number,
  ): Fill =>
  (count, next) =>
    bytesOf(View.from({length: count}, () => value(next)));
const fillBig =
  (View: {from(source: bigint[]): ArrayBufferView<ArrayBuffer>}): Fill =>
  (count, next) =>
    bytesOf(View.from(Array.from({length: count}, () => BigInt(smallInteger(next)))));

const fillers: Partial<Record<Tensor['elementType'], Fill>> = {
  float32: fillWith(Float32Array, next => next()),
  float64: fillWith(Float64Array, next => next()),
  // Multiples of 1/1024: exact in half precision, whose bits are built by hand because Float16Array is not everywhere.
  float16: fillWith(Uint16Array, next => halfBitsFrom(Math.floor(next() * 1024) / 1024)),
  uint8: fillWith(Uint8Array, smallInteger),
  int8: fillWith(Int8Array, smallInteger),
  uint16: fillWith(Uint16Array, smallInteger),
  int16: fillWith(Int16Array, smallInteger),
  uint32: fillWith(Uint32Array, smallInteger),
  int32: fillWith(Int32Array, smallInteger),
  int64: fillBig(BigInt64Array),
  uint64: fillBig(BigUint64Array),
  bool: fillWith(Uint8Array, next => (next() < 0.5 ? 0 : 1)),
  string: (count, next) => bytesFromStrings(Array.from({length: count}, () => String(smallInteger(next)))),
};

/** Of a multiple of 1/1024 in [0,1). */
function halfBitsFrom(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1024);
}
