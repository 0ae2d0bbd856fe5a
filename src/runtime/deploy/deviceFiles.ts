import {randomBytes} from 'node:crypto';
import {open, readFile, readlink, rename, rm, symlink} from 'node:fs/promises';
import {dirname, basename, join} from 'node:path';
import type {z} from 'zod';

/** Nothing that edgewise writes on a device by itself is larger. */
const MAX_FILE_BYTES = 4 * 2 ** 20;

/** A small JSON file; `null` when it is not there or is not what it should be. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > MAX_FILE_BYTES) return null;
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** After this the file is there whole, also after a power cut. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.partial`);
  const file = await open(partial, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  await syncFolder(dirname(path));
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The last part of what a link points to; `null` where there is no link. */
export async function readLinkName(link: string): Promise<string | null> {
  return readlink(link).then(basename, () => null);
}

/** Points a link elsewhere by one rename, or takes it away; readers see the old target or the new one. */
export async function pointLink(link: string, target: string | null): Promise<void> {
  if (target === null) await rm(link, {force: true});
  else {
    const next = `${link}.${randomBytes(4).toString('hex')}.new`;
    await symlink(target, next);
    await rename(next, link);
  }
  await syncFolder(dirname(link));
}

export function blobPath(home: string, digest: string): string {
  return join(home, 'blobs/sha256', digest.slice('sha256:'.length));
}
