import {readFile} from 'node:fs/promises';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {BlobToSend} from './planSending.ts';

const RECORD_BYTES = 512;
const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / RECORD_BYTES) * RECORD_BYTES;

/** Of the whole archive. */
export function sizeOfBundle(blobs: readonly Pick<BlobToSend, 'sizeBytes'>[]): number {
  return blobs.reduce((sum, {sizeBytes}) => sum + RECORD_BYTES + padded(sizeBytes), 2 * RECORD_BYTES);
}

/**
 * Blobs as one tar archive (POSIX ustar, which GNU tar and busybox unpack alike), each named as the part that it becomes.
 * @see IEEE Std 1003.1, pax, "ustar Interchange Format"
 */
export async function* bundleOfParts(
  blobs: readonly BlobToSend[],
): AsyncGenerator<{bytes: Uint8Array; ofBlobsBytes: number}> {
  for (const {digest, source, sizeBytes} of blobs) {
    const content = await readFile(source);
    if (content.length !== sizeBytes) throw new Error(`${source} has changed its length`);
    const padding = Buffer.alloc(padded(sizeBytes) - sizeBytes);
    const header = ustarHeader(`${hexOfDigest(digest)}.partial`, sizeBytes);
    yield {bytes: Buffer.concat([header, content, padding]), ofBlobsBytes: sizeBytes};
  }
  yield {bytes: Buffer.alloc(2 * RECORD_BYTES), ofBlobsBytes: 0};
}

function ustarHeader(name: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(RECORD_BYTES);
  const octal = (value: number, at: number, length: number): void => {
    header.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  };
  header.write(name, 0, 100, 'latin1');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(0, 136, 12);
  header.write('        0', 148, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
