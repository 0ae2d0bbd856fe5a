import {writeFile} from 'node:fs/promises';
import {joinSmall} from './joinSmall.ts';

/**
 * Writes a file that is read by this process only and goes with its folder: it need not be whole after a power cut, and waiting
 * for the disk takes longer than making a small model.
 */
export async function writeScratch(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  await writeFile(path, joinSmall(chunks));
}
