import type {ElementType} from '../../documents/elementTypes.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {digestOfBytes, digestOfFile} from '../digest.ts';
import type {ArrayFile} from './arrayFile.ts';
import type {RowSource} from './rowSource.ts';

/** An array and where it came from: `name` is for messages (`data.npz/image.npy`), `file` is the file it lies in. */
export interface NamedArray {
  readonly name: string;
  readonly file: string;
  readonly array: ArrayFile;
}

/**
 * Rows of an array as they are, checked for values that no measurement survives. One row of the input is `slices` slices
 * of the array's first axis.
 * @throws from `readRow`: ExpectedError `data-not-finite` (exit 10) with the sample and the place in it
 */
export function rowsOfArray({name, file, array}: NamedArray, slices: number): RowSource {
  return {
    rowCount: Math.floor((array.shape[0] ?? 0) / slices),
    async readRow(index) {
      const {bytes, elementType} = await array.readRows(index * slices, slices);
      refuseNotFinite(bytes, elementType, `Sample ${index} of ${name}`);
      return bytes;
    },
    digest: () => digestOfArray({name, file}),
    close: () => array.close(),
  };
}

/** The file's content, and which array of it where it holds several. */
export async function digestOfArray({name, file}: Pick<NamedArray, 'name' | 'file'>): Promise<string> {
  return digestOfBytes(`${await digestOfFile(file)}${name.slice(file.length)}`);
}

/** Exponent bits all ones: infinite or not a number. Little-endian, as the machines are that ONNX Runtime runs on. */
const EXPONENTS: Readonly<Partial<Record<ElementType, {readonly bytes: 2 | 4 | 8; readonly mask: number}>>> =
  {
    float16: {bytes: 2, mask: 0x7c00},
    float32: {bytes: 4, mask: 0x7f800000},
    float64: {bytes: 8, mask: 0x7ff00000},
  };

function refuseNotFinite(bytes: Uint8Array, elementType: ElementType, name: string): void {
  const exponent = EXPONENTS[elementType];
  if (exponent === undefined) return;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const Words = exponent.bytes === 2 ? Uint16Array : Int32Array;
  const words = new Words(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    aligned.byteLength / Words.BYTES_PER_ELEMENT,
  );
  const wordsPerValue = exponent.bytes / Words.BYTES_PER_ELEMENT;
  // The exponent lies in a value's last word.
  for (let at = wordsPerValue - 1; at < words.length; at += wordsPerValue) {
    if (((words[at] as number) & exponent.mask) !== exponent.mask) continue;
    throw new ExpectedError(
      'data-not-finite',
      `${name} is infinite or not a number at element ${Math.floor(at / wordsPerValue)}.`,
      EXIT.invalidDocument,
      {hints: ['Leave the sample out, or find out where in its preparation it was divided by zero.']},
    );
  }
}
