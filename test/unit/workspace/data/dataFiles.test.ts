import {mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openRawArray} from '../../../../src/workspace/data/arrayFile.ts';
import {rowsOfArray} from '../../../../src/workspace/data/arrayRows.ts';
import {listImages} from '../../../../src/workspace/data/imageFiles.ts';
import {readLabelList} from '../../../../src/workspace/data/labelList.ts';
import {sniffData} from '../../../../src/workspace/data/sniffData.ts';
import {openNpy, writeNpy} from '../../../../src/workspace/npy.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-data-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

const write = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

describe('images of a folder', () => {
  it('come in the same order everywhere, from folders and links below, without hidden and other files', async () => {
    const root = join(folder, 'images');
    for (const name of ['b', 'a', 'a-b', '.hidden']) await mkdir(join(root, name), {recursive: true});
    for (const name of [
      'b/2.JPG',
      'b/10.png',
      'a/x.webp',
      'a-b/y.png',
      '.hidden/z.png',
      '.w.png',
      'notes.txt',
      'a/labels.csv',
    ])
      await writeFile(join(root, name), '');
    await symlink(root, join(root, 'b', 'loop'));
    await symlink(join(root, 'a'), join(root, 'link'));
    await symlink(join(root, 'nowhere'), join(root, 'broken.txt'));
    expect(await listImages(root)).toEqual(['a/x.webp', 'a-b/y.png', 'b/10.png', 'b/2.JPG', 'link/x.webp']);
  });
});

describe('what a path holds is seen from its content', () => {
  it.each([
    ['array.dat', Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.alloc(100)]), 'npy'],
    ['archive', Buffer.from('PK\x03\x04rest'), 'npz'],
    ['list.csv', 'a.png,1\n', 'list'],
    ['photo.JPG', Buffer.from([0xff, 0xd8, 0, 0]), 'image'],
  ])('%s', async (name, content, kind) => {
    expect(await sniffData(await write(name, content))).toBe(kind);
  });

  it('a folder', async () => expect(await sniffData(folder)).toBe('folder'));

  it.each([
    ['a pickle', Buffer.from([0x80, 4, 0x95, 0, 0, 0])],
    ['an empty file', Buffer.alloc(0)],
  ])('%s is refused', async (_, content) => {
    await expect(write('other', content).then(sniffData)).rejects.toMatchObject({
      code: 'data-unrecognised',
      exitCode: 2,
    });
  });

  it('a missing path is a missing file', async () => {
    await expect(sniffData(join(folder, 'absent'))).rejects.toMatchObject({code: 'no-such-file'});
  });
});

describe('a list of labels', () => {
  const lines = (list: Awaited<ReturnType<typeof readLabelList>>) =>
    list.map(({file, label, line}) => [file, label, line]);

  it.each([
    [
      'without a header',
      'a.csv',
      'x.png,3\ny.png,cat\n',
      [
        ['x.png', '3', 1],
        ['y.png', 'cat', 2],
      ],
    ],
    ['with named columns in any order', 'b.csv', 'Label,width,FILE\n3,5,x.png\n', [['x.png', '3', 2]]],
    [
      'with a byte order mark, Windows line ends and blank lines',
      'c.csv',
      '\uFEFFfile,label\r\n\r\nx.png,1\r\n',
      [['x.png', '1', 3]],
    ],
    ['with quoted names', 'd.csv', '"a, b.png",1\n', [['a, b.png', '1', 1]]],
    [
      'of files only',
      'e.csv',
      'x.png\ny.png\n',
      [
        ['x.png', null, 1],
        ['y.png', null, 2],
      ],
    ],
    ['of labels only', 'f.csv', 'label\n4\n', [['', '4', 2]]],
    ['with tabs', 'g.tsv', 'x y.png\t7\n', [['x y.png', '7', 1]]],
    [
      'as ImageNet has it',
      'h.txt',
      'val_1.JPEG 65\nval_2.JPEG 970\n',
      [
        ['val_1.JPEG', '65', 1],
        ['val_2.JPEG', '970', 2],
      ],
    ],
  ])('%s', async (_, name, text, expected) => {
    expect(lines(await readLabelList(await write(name, text)))).toEqual(expected);
  });

  it('that is none is refused', async () => {
    await expect(write('bad.csv', '"open,1\n').then(readLabelList)).rejects.toMatchObject({
      code: 'labels-mismatch',
      exitCode: 2,
    });
  });
});

describe('raw numbers', () => {
  it('are read record by record, with what lies before and after the tensor left out', async () => {
    // Two records as CIFAR-10 has them: a label, then the pixels.
    const path = await write('cifar.bin', Uint8Array.of(7, 1, 2, 3, 4, 9, 5, 6, 7, 8));
    const pixels = await openRawArray(path, {elementType: 'uint8', shape: [2, 2], offsetBytes: 1});
    expect(pixels.shape).toEqual([2, 2, 2]);
    expect([...(await pixels.readRows(0, 2)).bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const labels = await openRawArray(path, {elementType: 'uint8', shape: [], recordBytes: 5});
    expect([...(await labels.readRows(0, 2)).bytes]).toEqual([7, 9]);
    await expect(pixels.readRows(1, 2)).rejects.toThrow(RangeError);
    await pixels.close();
    await labels.close();
  });

  it.each([
    [
      'no whole number of records',
      {elementType: 'uint8', shape: [3]},
      'no whole number of records of 3 bytes',
    ],
    [
      'records shorter than the tensor',
      {elementType: 'float32', shape: [2], recordBytes: 5},
      'ends at byte 8',
    ],
  ] as const)('%s', async (_, layout, text) => {
    const path = await write('ten.bin', new Uint8Array(10));
    await expect(openRawArray(path, layout)).rejects.toMatchObject({
      code: 'wrong-input-shape',
      exitCode: 2,
      message: expect.stringContaining(text) as string,
    });
  });
});

describe('values that are not finite', () => {
  it.each([
    ['float32', new Float32Array([1, 2, 3, NaN])],
    ['float32', new Float32Array([1, 2, -Infinity, 4])],
    ['float64', new Float64Array([1, 2, 3, NaN])],
    ['float16', Uint16Array.of(0x3c00, 0x7bff, 0xfc00, 0)],
  ] as const)('%s: the sample and the element are named', async (elementType, values) => {
    const path = join(folder, 'values.npy');
    await writeNpy(path, {elementType, shape: [2, 2], bytes: new Uint8Array(values.buffer)});
    const rows = rowsOfArray({name: path, file: path, array: await openNpy(path)}, 1);
    expect((await rows.readRow(0)).length).toBeGreaterThan(0);
    await expect(rows.readRow(1)).rejects.toMatchObject({
      code: 'data-not-finite',
      exitCode: 10,
      message: expect.stringMatching(
        /^Sample 1 of .*values\.npy is infinite or not a number at element [01]\.$/,
      ) as string,
    });
    await rows.close();
  });

  it('of integers there are none', async () => {
    const path = join(folder, 'integers.npy');
    await writeNpy(path, {elementType: 'int32', shape: [1, 2], bytes: new Uint8Array(8).fill(0xff)});
    const rows = rowsOfArray({name: path, file: path, array: await openNpy(path)}, 1);
    expect((await rows.readRow(0)).length).toBe(8);
    await rows.close();
  });
});
