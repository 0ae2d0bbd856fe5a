import {open} from 'node:fs/promises';
import type {UploadSource} from './machine.ts';

export interface SizedSource {
  readonly sizeBytes: number;
  readChunk(position: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** A file or bytes, read piece by piece: memory stays the same whatever the size. */
export async function openUploadSource(source: UploadSource): Promise<SizedSource> {
  if ('bytes' in source) {
    const {buffer, byteOffset, byteLength} = source.bytes;
    return {
      sizeBytes: byteLength,
      readChunk: async (position, length) =>
        Buffer.from(buffer, byteOffset + position, Math.min(length, byteLength - position)),
      close: async () => {},
    };
  }
  const handle = await open(source.path, 'r');
  const {size} = await handle.stat();
  return {
    sizeBytes: size,
    readChunk: async (position, length) => {
      const wanted = Math.min(length, size - position);
      const chunk = Buffer.allocUnsafe(wanted);
      for (let read = 0; read < wanted;) {
        const {bytesRead} = await handle.read(chunk, read, wanted - read, position + read);
        if (bytesRead === 0) throw new Error(`${source.path} became shorter while it was read`);
        read += bytesRead;
      }
      return chunk;
    },
    close: () => handle.close(),
  };
}

/** Slow links are slow: a minute, and a second for each 64 KiB. */
export function uploadTimeoutMs(sizeBytes: number): number {
  return 60_000 + (sizeBytes / (64 * 1024)) * 1000;
}
