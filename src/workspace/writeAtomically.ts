import {randomBytes} from 'node:crypto';
import {mkdir, open, rename, rm} from 'node:fs/promises';
import {dirname} from 'node:path';
import {joinSmall} from './joinSmall.ts';

/** Writes beside the final name, syncs and renames: a reader sees the old file or the new one, never half of one. */
export async function writeAtomically(path: string, chunks: Iterable<Uint8Array> | string): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    const file = await open(partial, 'wx');
    try {
      if (typeof chunks === 'string') await file.writeFile(chunks);
      else for (const block of joinSmall(chunks)) await file.writeFile(block);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, {force: true});
    throw error;
  }
}
