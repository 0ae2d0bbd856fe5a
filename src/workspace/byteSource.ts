import {closeSync, fstatSync, openSync, readSync, realpathSync, statSync} from 'node:fs';
import {dirname, join, sep} from 'node:path';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';

/** A file read by ranges; the model room's ByteSource, with the file behind it. */
export interface FileByteSource {
  readonly sizeBytes: number;
  read(offset: number, length: number): Uint8Array;
  readInto(offset: number, target: Uint8Array): void;
  close(): void;
}

/** Shorter reads are served from a block of this size: a model's graph is thousands of small messages. */
const BLOCK_BYTES = 1 << 16;

/**
 * Opens a file of any size for reading by ranges; nothing is read yet. The file must not change while it is open.
 * @throws ExpectedError `no-such-file`
 */
export function openByteSource(path: string): FileByteSource {
  let descriptor: number | null = openForReading(path);
  const sizeBytes = fstatSync(descriptor).size;
  let block: Uint8Array = new Uint8Array(0);
  let blockStart = 0;
  const fill = (offset: number, bytes: Uint8Array): Uint8Array => {
    if (descriptor === null) throw new Error(`${path} was read after it had been closed`);
    const length = bytes.byteLength;
    for (let done = 0; done < length;) {
      const count = readSync(descriptor, bytes, done, length - done, offset + done);
      if (count === 0) {
        throw new ExpectedError(
          'file-changed',
          `${path} became shorter than its ${sizeBytes} bytes while it was being read.`,
          EXIT.stale,
        );
      }
      done += count;
    }
    return bytes;
  };
  const refuseOutside = (offset: number, length: number): void => {
    if (offset < 0 || length < 0 || offset + length > sizeBytes)
      throw new RangeError(`bytes ${offset} to ${offset + length} of ${path}, which has ${sizeBytes}`);
  };
  return {
    sizeBytes,
    read(offset, length) {
      refuseOutside(offset, length);
      if (length >= BLOCK_BYTES) return fill(offset, new Uint8Array(length));
      if (offset < blockStart || offset + length > blockStart + block.byteLength) {
        block = fill(offset, new Uint8Array(Math.min(BLOCK_BYTES, sizeBytes - offset)));
        blockStart = offset;
      }
      return block.subarray(offset - blockStart, offset - blockStart + length);
    },
    readInto(offset, target) {
      refuseOutside(offset, target.byteLength);
      fill(offset, target);
    },
    close() {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}

export interface ModelFiles {
  readonly source: FileByteSource;
  /** Files beside the model that hold its weights; `null` where there is none. */
  readonly openExternal: (location: string) => FileByteSource | null;
  /** Closes the model and everything opened beside it. */
  close(): void;
}

/**
 * A model's file and the files of weights beside it, for reading.
 * @throws ExpectedError `no-such-file`; `external-data-escapes` when a link leads out of the model's folder
 */
export function openModelFiles(path: string): ModelFiles {
  const source = openByteSource(path);
  const opened: FileByteSource[] = [source];
  const folder = realpathSync(dirname(path));
  return {
    source,
    openExternal(location) {
      let file: string;
      try {
        file = realpathSync(join(folder, location));
        if (!statSync(file).isFile()) return null;
      } catch {
        return null;
      }
      if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
        throw new ExpectedError(
          'external-data-escapes',
          `${path} keeps weights in "${location}", which is a link to ${file}, outside the model's folder.`,
          EXIT.invalidDocument,
        );
      }
      const external = openOnDemand(file);
      opened.push(external);
      return external;
    },
    close() {
      for (const one of opened) one.close();
    },
  };
}

/** Opened for each read: a model may keep every weight in a file of its own, and descriptors are few. */
function openOnDemand(path: string): FileByteSource {
  const opened = <T>(use: (source: FileByteSource) => T): T => {
    const source = openByteSource(path);
    try {
      return use(source);
    } finally {
      source.close();
    }
  };
  return {
    sizeBytes: statSync(path).size,
    read: (offset, length) => opened(source => source.read(offset, length)),
    readInto: (offset, target) => opened(source => source.readInto(offset, target)),
    close() {},
  };
}

function openForReading(path: string): number {
  try {
    const descriptor = openSync(path, 'r');
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
  } catch (error) {
    throw new ExpectedError(
      'no-such-file',
      `Cannot read ${path}: ${messageOf(error)}.`,
      EXIT.invalidDocument,
      {
        cause: error,
      },
    );
  }
  throw new ExpectedError('no-such-file', `Cannot read ${path}: it is not a file.`, EXIT.invalidDocument);
}
