import {readFile} from 'node:fs/promises';
import {refuseMissing} from './fileBytes.ts';

/** The class of each name: the first line is class 0. Blank lines at the end do not count. */
export async function readClassNames(path: string): Promise<ReadonlyMap<string, number>> {
  const text = await readFile(path, 'utf8').catch(error => refuseMissing(error, path));
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/);
  return new Map(lines.map((name, index) => [name.trim(), index]));
}
