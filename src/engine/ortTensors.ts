import type {Tensor as OrtTensor} from 'onnxruntime-node';
import {ELEMENT_TYPES, type ElementType} from '../documents/elementTypes.ts';
import type {Tensor} from '../documents/tensor.ts';
import {bytesFromStrings, stringsFromBytes} from './stringBytes.ts';
import {isNumericElementType, viewFromBytes} from './typedViews.ts';

type OrtTensorClass = typeof OrtTensor;

export class WrongInputError extends Error {}

/** Wraps a tensor's bytes for the runtime without copying them, unless they are unaligned. */
export function ortTensorFromTensor(TensorClass: OrtTensorClass, name: string, tensor: Tensor): OrtTensor {
  const {elementType, shape, bytes} = tensor;
  if (elementType === 'string') {
    const strings = readStrings(name, bytes);
    const count = shape.reduce((product, size) => product * size, 1);
    if (strings.length !== count) {
      throw new WrongInputError(
        `Input "${name}" has ${strings.length} strings; shape [${shape.join(',')}] takes ${count}.`,
      );
    }
    return new TensorClass('string', strings, shape);
  }
  if (!isNumericElementType(elementType)) {
    throw new WrongInputError(`Input "${name}" is ${elementType}, which ONNX Runtime cannot exchange.`);
  }
  const view = viewFromBytes(elementType, bytes);
  return new TensorClass(elementType, view as never, shape);
}

export function tensorFromOrtTensor(tensor: OrtTensor): Tensor {
  const elementType = elementTypeFromOrt(tensor.type);
  if (elementType === undefined)
    throw new Error(`an output has type ${tensor.type}, which cannot be exchanged`);
  if (elementType === 'string') {
    return {elementType, shape: [...tensor.dims], bytes: bytesFromStrings(tensor.data as string[])};
  }
  const data = tensor.data as Uint8Array;
  return {
    elementType,
    shape: [...tensor.dims],
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

/** ONNX Runtime's names for element types are the documents' names. */
export function elementTypeFromOrt(type: string): ElementType | undefined {
  return ELEMENT_TYPES.find(known => known === type);
}

function readStrings(name: string, bytes: Uint8Array): string[] {
  try {
    return stringsFromBytes(bytes);
  } catch (error) {
    throw new WrongInputError(`Input "${name}": ${(error as Error).message}.`);
  }
}
