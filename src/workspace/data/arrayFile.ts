import type {ArrayType} from '../../documents/dataSource.ts';
import {countElements, sizeInBytes, type ElementType} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {openFileBytes} from './fileBytes.ts';

/** An open array whose rows (slices of the first axis) are read when they are asked for. */
export interface ArrayFile {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** Rows `first` to `first + count - 1`, as a tensor of shape [count, ...the other axes]. */
  readRows(first: number, count: number): Promise<Tensor>;
  close(): Promise<void>;
}

/** How a file of raw numbers is to be read. */
export interface RawLayout {
  readonly elementType: ArrayType;
  /** Of one record. */
  readonly shape: readonly number[];
  /** The tensor's own length and what lies before it, when left out. */
  readonly recordBytes?: number | undefined;
  readonly offsetBytes?: number | undefined;
}

/**
 * A file of raw little-endian numbers, one record after another: an array of shape [records, ...shape].
 * @throws ExpectedError `no-such-file`, `wrong-input-shape` (exit 2) when the file does not hold whole records
 */
export async function openRawArray(path: string, layout: RawLayout): Promise<ArrayFile> {
  const {elementType, shape, offsetBytes = 0} = layout;
  const rowBytes = sizeInBytes(elementType, shape) ?? countElements(shape);
  const recordBytes = layout.recordBytes ?? offsetBytes + rowBytes;
  const file = await openFileBytes(path);
  const refuse = async (why: string): Promise<never> => {
    await file.close();
    throw new ExpectedError('wrong-input-shape', `${path} ${why}.`, EXIT.usage);
  };
  if (recordBytes < offsetBytes + rowBytes)
    await refuse(
      `is read in records of ${recordBytes} bytes, and ${elementType} [${shape.join(', ')}] from byte ${offsetBytes} on ends at byte ${offsetBytes + rowBytes}`,
    );
  if (file.sizeBytes % recordBytes !== 0)
    await refuse(`has ${file.sizeBytes} bytes, which is no whole number of records of ${recordBytes} bytes`);
  const count = file.sizeBytes / recordBytes;
  return {
    elementType,
    shape: [count, ...shape],
    async readRows(first, wanted) {
      if (first < 0 || wanted < 0 || first + wanted > count)
        throw new RangeError(`rows ${first} to ${first + wanted - 1} of ${count} in ${path}`);
      const records = await file.read(first * recordBytes, wanted * recordBytes);
      if (records.length < wanted * recordBytes)
        throw new ExpectedError(
          'file-changed',
          `${path} became shorter than its ${file.sizeBytes} bytes while it was being read.`,
          EXIT.stale,
        );
      const bytes = new Uint8Array(wanted * rowBytes);
      for (let row = 0; row < wanted; row += 1) {
        const from = row * recordBytes + offsetBytes;
        bytes.set(records.subarray(from, from + rowBytes), row * rowBytes);
      }
      return {elementType, shape: [wanted, ...shape], bytes};
    },
    close: () => file.close(),
  };
}
