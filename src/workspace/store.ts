import {createHash, randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdir, open, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {joinSmall} from './joinSmall.ts';
import {digestOfChunks, digestOfFile, hexOfDigest} from './digest.ts';

/** The project's content-addressed files: written once under their SHA-256, never changed. */
export interface Store {
  readonly folder: string;
  has(digest: string): boolean;
  pathOf(digest: string): string;
  sizeOf(digest: string): Promise<number>;
  /** Takes the bytes in and returns their digest; what is there already is not written again. */
  put(chunks: Iterable<Uint8Array>): Promise<string>;
  /** Moves a file into the store; it must lie on the same file system. */
  adopt(path: string): Promise<string>;
}

export function openStore(folder: string): Store {
  const blobs = join(folder, 'sha256');
  const pathOf = (digest: string): string => join(blobs, hexOfDigest(digest));

  return {
    folder,
    pathOf,
    has: digest => existsSync(pathOf(digest)),
    sizeOf: async digest => (await stat(pathOf(digest))).size,

    async put(chunks) {
      // What comes piece by piece cannot be read twice.
      if (Array.isArray(chunks)) {
        const digest = digestOfChunks(chunks as readonly Uint8Array[]);
        if (existsSync(pathOf(digest))) return digest;
      }
      await mkdir(blobs, {recursive: true});
      const partial = join(blobs, `${randomBytes(8).toString('hex')}.partial`);
      try {
        const hash = createHash('sha256');
        const file = await open(partial, 'wx');
        try {
          for (const block of joinSmall(chunks)) {
            hash.update(block);
            await file.writeFile(block);
          }
          await file.sync();
        } finally {
          await file.close();
        }
        const digest = `sha256:${hash.digest('hex')}`;
        await rename(partial, pathOf(digest));
        return digest;
      } catch (error) {
        await rm(partial, {force: true});
        throw error;
      }
    },

    async adopt(path) {
      await mkdir(blobs, {recursive: true});
      const digest = await digestOfFile(path);
      await rename(path, pathOf(digest));
      return digest;
    },
  };
}
