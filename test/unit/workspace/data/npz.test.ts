import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openNpz} from '../../../../src/workspace/data/npz.ts';
import {bytesFromStream} from '../../../../src/workspace/data/streamBytes.ts';

const ARRAYS = join(import.meta.dirname, '../../../fixtures/arrays');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-npz-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

const floats = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)];

describe.each(['stored.npz', 'compressed.npz'])('%s, as NumPy writes it', name => {
  it('gives rows in any order, and several readers at once', async () => {
    const archive = await openNpz(join(ARRAYS, name));
    expect(archive.names).toEqual(['x', 'y']);
    const x = await archive.openArray('x');
    expect(x).toMatchObject({elementType: 'float32', shape: [6, 2, 3]});
    for (const row of [0, 5, 2, 2, 0, 4]) {
      const {bytes, shape} = await x.readRows(row, 1);
      expect(shape).toEqual([1, 2, 3]);
      expect(floats(bytes)).toEqual([0, 1, 2, 3, 4, 5].map(at => row * 6 + at));
    }
    const both = await Promise.all([x.readRows(3, 2), x.readRows(1, 1)]);
    expect(both.map(({bytes}) => floats(bytes)[0])).toEqual([18, 6]);
    const y = await archive.openArray('y');
    expect([...new BigInt64Array((await y.readRows(0, 6)).bytes.slice().buffer)].map(Number)).toEqual([
      2, 0, 1, 2, 0, 1,
    ]);
    await x.close();
    await y.close();
    await archive.close();
  });

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 100)],
    ['no archive', () => Buffer.from('PK\x03\x04 and nothing more')],
  ])('is refused when it is %s', async (_, damage) => {
    const path = join(folder, 'damaged.npz');
    await writeFile(path, damage(await readFile(join(ARRAYS, name))));
    await expect(openNpz(path)).rejects.toMatchObject({code: 'npz-unreadable', exitCode: 10});
  });
});

it('packed data that are damaged are refused when they are read, with the archive named', async () => {
  const bytes = await readFile(join(ARRAYS, 'compressed.npz'));
  const start = bytes.indexOf('x.npy') + 30;
  bytes.fill(0xff, start, start + 40);
  const path = join(folder, 'damaged-inside.npz');
  await writeFile(path, bytes);
  const archive = await openNpz(path);
  await expect(archive.openArray('x')).rejects.toMatchObject({code: 'npz-unreadable'});
  await archive.close();
});

it('a missing archive is a missing file', async () => {
  await expect(openNpz(join(folder, 'absent.npz'))).rejects.toMatchObject({
    code: 'no-such-file',
    exitCode: 2,
  });
});

describe('bytes of a stream', () => {
  const content = Uint8Array.from({length: 1000}, (_, at) => at % 251);
  let openings = 0;
  const open = () =>
    bytesFromStream(content.length, async () => {
      openings += 1;
      const chunks = Array.from({length: 10}, (_, at) => content.slice(at * 100, at * 100 + 100));
      return Readable.from(chunks);
    });

  it('are read forwards in one pass', async () => {
    openings = 0;
    const bytes = open();
    for (const [offset, length] of [
      [0, 10],
      [5, 20],
      [95, 110],
      [400, 300],
      [990, 50],
    ] as const) {
      expect([...(await bytes.read(offset, length))]).toEqual([...content.subarray(offset, offset + length)]);
    }
    expect(openings).toBe(1);
    expect([...(await bytes.read(0, 3))]).toEqual([0, 1, 2]);
    expect(openings).toBe(2);
    await bytes.close();
  });

  it('can be read again after a read has failed', async () => {
    let fails = true;
    const bytes = bytesFromStream(content.length, async () => {
      if (fails) throw new Error('damaged');
      return Readable.from([content]);
    });
    await expect(bytes.read(0, 10)).rejects.toThrow('damaged');
    fails = false;
    expect((await bytes.read(10, 10))[0]).toBe(10);
    await bytes.close();
  });
});
