import {open} from 'node:fs/promises';
import {EXIT, ExpectedError} from '../../errors.ts';

/** Bytes that are read in pieces, wherever they lie: a file, or a part of one. */
export interface RandomAccessBytes {
  readonly sizeBytes: number;
  /** Fewer than `length` bytes only where the end comes first. The bytes belong to the caller. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Short reads are served from a block of this size, since one sample mostly follows the other. */
const BLOCK_BYTES = 1 << 16;

/** @throws ExpectedError `no-such-file` (exit 2) */
export async function openFileBytes(path: string): Promise<RandomAccessBytes> {
  const handle = await open(path, 'r').catch(error => refuseMissing(error, path));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ExpectedError('no-such-file', `${path} is not a file.`, EXIT.usage);
    const readFrom = async (offset: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      let filled = 0;
      // One read may return less than it was asked for.
      while (filled < length) {
        const {bytesRead} = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    };
    let block: {readonly start: number; readonly bytes: Promise<Uint8Array>} | null = null;
    return {
      sizeBytes: stats.size,
      async read(offset, length) {
        if (length > BLOCK_BYTES / 2) return readFrom(offset, length);
        if (block === null || offset < block.start || offset + length > block.start + BLOCK_BYTES)
          block = {start: offset, bytes: readFrom(offset, BLOCK_BYTES)};
        const {start, bytes} = block;
        return (await bytes).slice(offset - start, offset - start + length);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The part of a file from `start` on; closing it closes the file. */
export function partOfBytes(whole: RandomAccessBytes, start: number, sizeBytes: number): RandomAccessBytes {
  return {
    sizeBytes,
    read: (offset, length) => whole.read(start + offset, Math.max(0, Math.min(length, sizeBytes - offset))),
    close: () => whole.close(),
  };
}

/** For `catch`: a file that is not there is the user's to mend. */
export function refuseMissing(error: unknown, path: string): never {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    throw new ExpectedError('no-such-file', `There is no file ${path}.`, EXIT.usage, {cause: error});
  }
  throw error;
}
