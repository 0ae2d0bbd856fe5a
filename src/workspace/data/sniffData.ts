import {stat} from 'node:fs/promises';
import {EXIT, ExpectedError} from '../../errors.ts';
import {openFileBytes, refuseMissing} from './fileBytes.ts';
import {isImageName} from './imageFiles.ts';

/** What lies at a path: a folder of images, one image, a list of files (CSV), an array or an archive of arrays. */
export type DataKind = 'folder' | 'image' | 'list' | 'npy' | 'npz';

/** Enough for every file's first bytes, and to see whether it is text. */
const SNIFFED_BYTES = 4096;

/**
 * Decides by content, images by name.
 * @throws ExpectedError `no-such-file`, `data-unrecognised` (exit 2)
 */
export async function sniffData(path: string): Promise<DataKind> {
  if ((await stat(path).catch(error => refuseMissing(error, path))).isDirectory()) return 'folder';
  const file = await openFileBytes(path);
  const start = Buffer.from(await file.read(0, SNIFFED_BYTES));
  await file.close();
  if (start.toString('latin1', 0, 6) === '\x93NUMPY') return 'npy';
  // An archive without entries starts with its end.
  if (['PK\x03\x04', 'PK\x05\x06'].includes(start.toString('latin1', 0, 4))) return 'npz';
  if (isImageName(path)) return 'image';
  // Text has no zero bytes; pickles, TFRecord and HDF5 files do.
  if (start.length > 0 && !start.includes(0)) return 'list';
  throw new ExpectedError(
    'data-unrecognised',
    `${path} holds no samples that edgewise reads: a folder of images, a list of images (CSV), .npy or .npz.`,
    EXIT.usage,
    {hints: ['Raw numbers need their type and shape: evaluation.inputs in edgewise.yaml.']},
  );
}
