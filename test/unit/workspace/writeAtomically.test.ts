import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {writeAtomically} from '../../../src/workspace/writeAtomically.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-write-'));
});
afterAll(() => {
  rmSync(folder, {recursive: true, force: true});
});

it.each<[string, number[]]>([
  ['nothing', []],
  ['one large piece', [1_000_000]],
  ['many small pieces', Array.from({length: 5000}, (_, at) => at % 200)],
  ['pieces small and large in turn', [3, 300_000, 0, 5, 262_144, 7, 262_140, 4, 1]],
])('a file of %s holds its bytes in their order', async (_, sizes) => {
  let next = 0;
  const pieces = sizes.map(size => Uint8Array.from({length: size}, () => (next = (next * 31 + 7) % 251)));
  const path = join(folder, 'file');
  await writeAtomically(path, pieces);
  expect(Buffer.compare(readFileSync(path), Buffer.concat(pieces))).toBe(0);
  expect(readdirSync(folder)).toEqual(['file']);
});

it('leaves what was there when the pieces cannot all be had', async () => {
  const path = join(folder, 'file');
  await writeAtomically(path, 'as it was');
  const broken = {
    *[Symbol.iterator](): Generator<Uint8Array> {
      yield new Uint8Array(10);
      throw new Error('the source is gone');
    },
  };
  await expect(writeAtomically(path, broken)).rejects.toThrow('the source is gone');
  expect(readFileSync(path, 'utf8')).toBe('as it was');
  expect(readdirSync(folder)).toEqual(['file']);
});
