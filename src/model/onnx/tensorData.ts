import {BinaryReader} from '@bufbuild/protobuf/wire';
import {
  elementTypeFromOnnxCode,
  onnxCodeFromElementType,
  sizeInBytes,
  type ElementType,
} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {bytesOfRange, copyOfRange, rangeFromBytes, type SourceRange} from './byteSource.ts';
import type {OnnxTensor} from './messages.ts';

/** Field numbers of TensorProto's typed lists whose packed form is the little-endian values themselves. */
const FLOAT_DATA = 4;
const DOUBLE_DATA = 10;

/** @throws ExpectedError `model-invalid` for an element type the format does not define */
export function elementTypeOfTensor(tensor: OnnxTensor): ElementType {
  const elementType = elementTypeFromOnnxCode(tensor.elementTypeCode);
  if (elementType === undefined) {
    throw new ExpectedError(
      'model-invalid',
      `Tensor "${tensor.name}" has element type ${tensor.elementTypeCode}, which ONNX does not define.`,
      EXIT.invalidDocument,
    );
  }
  return elementType;
}

/** Bytes of the dense values; for strings the sum of their lengths. */
export function sizeOfTensorBytes(tensor: OnnxTensor): number {
  const sizeBytes = sizeInBytes(elementTypeOfTensor(tensor), tensor.dims);
  return sizeBytes ?? tensor.strings.reduce((sum, value) => sum + value.byteLength, 0);
}

/**
 * Where the dense row-major little-endian values are, whichever field or file holds them; lists of varints are decoded.
 * @throws ExpectedError `model-invalid` when their number does not fit the dims, `external-data-missing` when they are in
 * a file that was not found; RangeError for strings
 */
export function rangeOfTensor(tensor: OnnxTensor): SourceRange {
  const elementType = elementTypeOfTensor(tensor);
  const expectedBytes = sizeInBytes(elementType, tensor.dims);
  if (expectedBytes === null) throw new RangeError(`tensor "${tensor.name}" holds strings`);
  const range = tensor.external?.range ?? tensor.raw ?? rangeOfLists(tensor, elementType);
  if (tensor.dataLocation === 1 && tensor.external === undefined) {
    throw new ExpectedError(
      'external-data-missing',
      `The values of tensor "${tensor.name}" are in an external file that was not opened.`,
      EXIT.invalidDocument,
    );
  }
  if (range.length !== expectedBytes) {
    throw new ExpectedError(
      'model-invalid',
      `Tensor "${tensor.name}" of shape [${tensor.dims.join(', ')}] (${elementType}) needs ${expectedBytes} bytes; the file has ${range.length}.`,
      EXIT.invalidDocument,
    );
  }
  return range;
}

/** The dense values, read whole. @see rangeOfTensor for what is thrown */
export function bytesOfTensor(tensor: OnnxTensor): Uint8Array {
  return bytesOfRange(rangeOfTensor(tensor));
}

/** The same in memory that is the caller's own. */
export function copyOfTensor(tensor: OnnxTensor): Uint8Array<ArrayBuffer> {
  return copyOfRange(rangeOfTensor(tensor));
}

/** A tensor message with the values as raw data; strings are not supported. */
export function tensorFromValue(name: string, value: Tensor): OnnxTensor {
  return {...emptyTensor(name, value.elementType, value.shape), raw: rangeFromBytes(value.bytes)};
}

export function emptyTensor(name: string, elementType: ElementType, dims: readonly number[]): OnnxTensor {
  return {
    name,
    dims,
    elementTypeCode: onnxCodeFromElementType(elementType),
    lists: [],
    strings: [],
    externalEntries: [],
    dataLocation: 0,
    docString: '',
    metadata: [],
    unknown: [],
  };
}

/** The same tensor with its values at `range` as raw data, wherever they were before. */
export function withRawData(tensor: OnnxTensor, range: SourceRange): OnnxTensor {
  const {external, ...rest} = tensor;
  if (external === undefined && tensor.raw === range) return tensor;
  return {...rest, raw: range, lists: [], externalEntries: [], dataLocation: 0};
}

function rangeOfLists(tensor: OnnxTensor, elementType: ElementType): SourceRange {
  const [first] = tensor.lists;
  if (first === undefined) return rangeFromBytes(new Uint8Array(0));
  if (first.fieldNumber === FLOAT_DATA || first.fieldNumber === DOUBLE_DATA) {
    // One packed record is already what raw data would be; otherwise the records follow each other.
    if (tensor.lists.length === 1) return first.values;
    return rangeFromBytes(joinBytes(tensor.lists.map(list => bytesOfRange(list.values))));
  }
  const bits = {uint4: 8, int4: 8, float4e2m1: 8}[elementType as string] ?? bitsOf(elementType);
  const values = tensor.lists.flatMap(list => varintsOf(bytesOfRange(list.values)));
  const bytes = new Uint8Array((values.length * bits) / 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    if (bits === 64) view.setBigUint64(index * 8, value, true);
    else if (bits === 32) view.setUint32(index * 4, Number(value & 0xffff_ffffn), true);
    else if (bits === 16) view.setUint16(index * 2, Number(value & 0xffffn), true);
    else view.setUint8(index, Number(value & 0xffn));
  });
  return rangeFromBytes(bytes);
}

function bitsOf(elementType: ElementType): number {
  return (sizeInBytes(elementType, [1]) ?? 0) * 8;
}

function varintsOf(bytes: Uint8Array): bigint[] {
  const reader = new BinaryReader(bytes);
  const values: bigint[] = [];
  while (reader.pos < reader.len) values.push(BigInt(reader.uint64()));
  return values;
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
