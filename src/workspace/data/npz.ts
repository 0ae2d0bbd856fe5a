import type {Entry} from 'yauzl';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {npyFromBytes} from '../npy.ts';
import type {ArrayFile} from './arrayFile.ts';
import {openFileBytes, partOfBytes} from './fileBytes.ts';
import {bytesFromStream} from './streamBytes.ts';

/** NumPy's archive of arrays: a zip file of .npy files, packed (savez_compressed) or not (savez). */
export interface NpzFile {
  /** Names of the arrays, in the archive's order. */
  readonly names: readonly string[];
  /** Rows are read when they are asked for, as those of a .npy file; packed ones fastest in order. */
  openArray(name: string): Promise<ArrayFile>;
  close(): Promise<void>;
}

/** Compression methods of zip that NumPy writes. @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT section 4.4.5 */
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads the archive's directory only; arrays are closed before the archive.
 * @throws ExpectedError `no-such-file`, `npz-unreadable` (exit 10); from `openArray` also what openNpy throws
 */
export async function openNpz(path: string): Promise<NpzFile> {
  const file = await openFileBytes(path);
  await file.close();
  const refuse = (error: unknown): never => {
    throw unreadable(path, messageOf(error), error);
  };
  const {openPromise} = await import('yauzl');
  const zip = await openPromise(path, {autoClose: false}).catch(refuse);
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('.npy')) entries.set(entry.fileName.slice(0, -'.npy'.length), entry);
    }
  } catch (error) {
    zip.close();
    refuse(error);
  }
  return {
    names: [...entries.keys()],
    async openArray(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw new RangeError(`${path} has no array ${name}`);
      const {compressionMethod, compressedSize, uncompressedSize} = entry;
      const fileName = `${path}/${entry.fileName}`;
      if (compressionMethod === STORED) {
        const {fileDataStart} = await zip.readLocalFileHeaderPromise(entry, {minimal: true}).catch(refuse);
        return npyFromBytes(partOfBytes(await openFileBytes(path), fileDataStart, compressedSize), fileName);
      }
      if (compressionMethod !== DEFLATED)
        throw unreadable(path, `${entry.fileName} is packed by method ${compressionMethod}`);
      const inflated = bytesFromStream(uncompressedSize, () => zip.openReadStreamPromise(entry));
      const read = (offset: number, length: number) => inflated.read(offset, length).catch(refuse);
      return npyFromBytes({...inflated, read}, fileName);
    },
    async close() {
      zip.close();
    },
  };
}

function unreadable(path: string, reason: string, cause?: unknown): ExpectedError {
  return new ExpectedError(
    'npz-unreadable',
    `${path} cannot be read as an .npz archive: ${reason}.`,
    EXIT.invalidDocument,
    {hints: ['Write it with numpy.savez or numpy.savez_compressed.'], cause},
  );
}
