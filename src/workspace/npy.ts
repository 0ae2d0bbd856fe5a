import {Buffer} from 'node:buffer';
import {readFile, writeFile} from 'node:fs/promises';
import type {ElementType} from '../documents/elementTypes.ts';
import {countElements, sizeInBytes} from '../documents/elementTypes.ts';
import type {Tensor} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {ArrayFile} from './data/arrayFile.ts';
import {openFileBytes, refuseMissing, type RandomAccessBytes} from './data/fileBytes.ts';

/**
 * NumPy's .npy files to and from tensors.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
const TYPE_CODES: Readonly<Partial<Record<ElementType, string>>> = {
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
  uint8: '|u1',
  uint16: '<u2',
  uint32: '<u4',
  uint64: '<u8',
  int8: '|i1',
  int16: '<i2',
  int32: '<i4',
  int64: '<i8',
  bool: '|b1',
};

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Magic, version and the longest form of the header's length. */
const LONGEST_PREFIX_BYTES = 12;
/** Far beyond any header of a plain array; keeps a damaged length from allocating gigabytes. */
const LONGEST_HEADER_BYTES = 1 << 20;

/** The bytes of a version 1.0 file, which every NumPy reads. Throws a RangeError for types that NumPy has no name for. */
export function npyFromTensor(tensor: Tensor): Uint8Array {
  const descr = TYPE_CODES[tensor.elementType];
  if (descr === undefined) throw new RangeError(`.npy files cannot hold ${tensor.elementType}`);
  const axes = tensor.shape.length === 1 ? `${tensor.shape.join('')},` : tensor.shape.join(', ');
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  // The data start at a multiple of 64, so that they can be mapped into memory.
  const dataStart = Math.ceil((MAGIC.length + 4 + dictionary.length + 1) / 64) * 64;
  const headerLength = dataStart - MAGIC.length - 4;
  const file = new Uint8Array(dataStart + tensor.bytes.length);
  file.set(MAGIC);
  file.set([1, 0, headerLength & 0xff, headerLength >> 8], MAGIC.length);
  file.set(Buffer.from(`${dictionary.padEnd(headerLength - 1)}\n`, 'latin1'), MAGIC.length + 4);
  file.set(tensor.bytes, dataStart);
  return file;
}

/** @throws ExpectedError `not-an-npy-file`, `npy-unsupported`, `npy-truncated`. `fileName` is for the message only. */
export function tensorFromNpy(file: Uint8Array, fileName: string): Tensor {
  const prefix = parsePrefix(file, fileName);
  const dataStart = prefix.headerStart + prefix.headerLength;
  if (file.length < dataStart) throw truncated(fileName, dataStart, file.length);
  const {elementType, shape} = parseHeader(file.subarray(prefix.headerStart, dataStart), fileName);
  const dataEnd = dataStart + bytesOf(elementType, shape);
  if (file.length < dataEnd) throw truncated(fileName, dataEnd, file.length);
  return {elementType, shape, bytes: file.subarray(dataStart, dataEnd)};
}

/** @throws ExpectedError `no-such-file` and what tensorFromNpy throws. */
export async function readNpy(path: string): Promise<Tensor> {
  return tensorFromNpy(await readFile(path).catch(error => refuseMissing(error, path)), path);
}

export async function writeNpy(path: string, tensor: Tensor): Promise<void> {
  await writeFile(path, npyFromTensor(tensor));
}

/**
 * Reads and checks the header only; the caller closes the file.
 * @throws ExpectedError `no-such-file`, `not-an-npy-file`, `npy-unsupported`, `npy-truncated`
 */
export async function openNpy(path: string): Promise<ArrayFile> {
  return npyFromBytes(await openFileBytes(path), path);
}

/** The same of bytes that lie somewhere in another file; they are closed with the array, or when it cannot be read. */
export async function npyFromBytes(file: RandomAccessBytes, fileName: string): Promise<ArrayFile> {
  try {
    const prefix = parsePrefix(await file.read(0, LONGEST_PREFIX_BYTES), fileName);
    const dataStart = prefix.headerStart + prefix.headerLength;
    const header = await file.read(prefix.headerStart, prefix.headerLength);
    if (file.sizeBytes < dataStart) throw truncated(fileName, dataStart, file.sizeBytes);
    const {elementType, shape} = parseHeader(header, fileName);
    const dataEnd = dataStart + bytesOf(elementType, shape);
    if (file.sizeBytes < dataEnd) throw truncated(fileName, dataEnd, file.sizeBytes);
    const [rows, ...rowShape] = shape;
    if (rows === undefined)
      throw unsupported(fileName, 'a single number without axes; samples need a first axis');
    const rowBytes = bytesOf(elementType, rowShape);
    return {
      elementType,
      shape,
      async readRows(first, count) {
        if (first < 0 || count < 0 || first + count > rows) {
          throw new RangeError(`rows ${first} to ${first + count - 1} of ${rows} in ${fileName}`);
        }
        const bytes = await file.read(dataStart + first * rowBytes, count * rowBytes);
        if (bytes.length < count * rowBytes)
          throw truncated(fileName, dataEnd, dataStart + first * rowBytes + bytes.length);
        return {elementType, shape: [count, ...rowShape], bytes};
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function parsePrefix(start: Uint8Array, fileName: string): {headerStart: number; headerLength: number} {
  const bytes = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, LONGEST_PREFIX_BYTES));
  if (bytes.length < MAGIC.length + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new ExpectedError(
      'not-an-npy-file',
      `${fileName} is not a NumPy .npy file.`,
      EXIT.invalidDocument,
      {
        hints: [`Write it with numpy.save('${fileName}', array).`],
      },
    );
  }
  const version = bytes[MAGIC.length] ?? 0;
  if (version < 1 || version > 3) throw unsupported(fileName, `format version ${version}`);
  if (version > 1 && bytes.length < LONGEST_PREFIX_BYTES)
    throw truncated(fileName, LONGEST_PREFIX_BYTES, bytes.length);
  const prefix =
    version === 1
      ? {headerStart: 10, headerLength: bytes.readUInt16LE(8)}
      : {headerStart: 12, headerLength: bytes.readUInt32LE(8)};
  if (prefix.headerLength > LONGEST_HEADER_BYTES)
    throw unsupported(fileName, `a header of ${prefix.headerLength} bytes`);
  return prefix;
}

function parseHeader(bytes: Uint8Array, fileName: string): {elementType: ElementType; shape: number[]} {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const axes = /'shape':\s*\(([\d\sL,]*)\)/.exec(text)?.[1];
  if (/'descr':\s*\[/.test(text)) throw unsupported(fileName, 'a structured array');
  if (descr === undefined || order === undefined || axes === undefined) {
    throw unsupported(fileName, `a header that is not a plain array's: ${text.trim().slice(0, 80)}`);
  }
  if (descr.includes('O')) throw unsupported(fileName, 'Python objects');
  if (order === 'True')
    throw unsupported(fileName, 'an array in Fortran order', 'numpy.ascontiguousarray(array)');
  const found = Object.entries(TYPE_CODES).find(
    ([, code]) => code === descr || (code.startsWith('|') && code.slice(1) === descr.slice(1)),
  );
  if (found === undefined) {
    const hint = descr.startsWith('>')
      ? "array.astype(array.dtype.newbyteorder('<'))"
      : "array.astype('float32')";
    throw unsupported(fileName, `elements of type "${descr}"`, hint);
  }
  const shape = axes
    .split(',')
    .map(axis => axis.trim())
    .filter(axis => axis !== '')
    .map(axis => Number.parseInt(axis, 10));
  return {elementType: found[0] as ElementType, shape};
}

/** No type in TYPE_CODES has an unknown size. */
function bytesOf(elementType: ElementType, shape: readonly number[]): number {
  return sizeInBytes(elementType, shape) ?? countElements(shape);
}

function truncated(fileName: string, neededBytes: number, presentBytes: number): ExpectedError {
  return new ExpectedError(
    'npy-truncated',
    `${fileName} ends after ${presentBytes} bytes; its header announces ${neededBytes}.`,
    EXIT.invalidDocument,
    {hints: ['Copy or write the file again: it is cut short.']},
  );
}

function unsupported(fileName: string, what: string, conversion?: string): ExpectedError {
  return new ExpectedError(
    'npy-unsupported',
    `${fileName} holds ${what}, which edgewise does not read.`,
    EXIT.invalidDocument,
    {
      hints: conversion === undefined ? [] : [`Convert it in Python before saving it: ${conversion}.`],
    },
  );
}
