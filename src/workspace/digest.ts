import {createHash} from 'node:crypto';
import {open} from 'node:fs/promises';

const READ_BYTES = 1 << 20;

/** `sha256:` and 64 hex digits, the form every document uses. */
export function digestOfBytes(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(path, 'r');
  try {
    // One buffer for all of it: a stream's would be garbage of the file's size, which is collected much later.
    // Not longer than the file, because a hundred small ones may be read at once.
    const {size} = await handle.stat();
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, size)));
    for (;;) {
      const {bytesRead} = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return `sha256:${hash.digest('hex')}`;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

export function hexOfDigest(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

export function digestOfChunks(chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
