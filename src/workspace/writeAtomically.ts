import {randomBytes} from 'node:crypto';
import {mkdir, open, rename, rm} from 'node:fs/promises';
import {dirname} from 'node:path';

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

/** Pieces up to this size are joined: a write takes longer than copying so much. */
const JOINED_BYTES = 2 ** 18;

/** The same bytes in fewer pieces: a small model's file is hundreds of some bytes each. */
function* joinSmall(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for (const chunk of chunks) {
    if (waitingBytes + chunk.byteLength > JOINED_BYTES && waiting.length > 0) {
      yield joined(waiting);
      waiting = [];
      waitingBytes = 0;
    }
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
  }
  if (waiting.length > 0) yield joined(waiting);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}
