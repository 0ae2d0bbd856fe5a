import {Buffer} from 'node:buffer';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {ElementType} from '../../../src/documents/elementTypes.ts';
import {countElements, sizeInBytes} from '../../../src/documents/elementTypes.ts';
import type {Tensor} from '../../../src/documents/tensor.ts';
import {npyFromTensor, openNpy, readNpy, tensorFromNpy, writeNpy} from '../../../src/workspace/npy.ts';

/** A file as NumPy writes it, spelled out here so that the reader is not tested against our own writer. */
function file(dictionary: string, data: Uint8Array, version = 1): Uint8Array {
  const text = Buffer.from(`${dictionary}\n`, 'latin1');
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.from([version, 0]), length, text, data]);
}

const header = (descr: string, shape: string, fortran = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

const tensorOf = (elementType: ElementType, shape: number[]): Tensor => ({
  elementType,
  shape,
  bytes: Uint8Array.from({length: sizeInBytes(elementType, shape)!}, (_, at) => (at * 7) % 2),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-npy-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

describe('reading .npy', () => {
  const types: [string, ElementType][] = [
    ['<f2', 'float16'],
    ['<f4', 'float32'],
    ['<f8', 'float64'],
    ['|u1', 'uint8'],
    ['<u1', 'uint8'],
    ['<u2', 'uint16'],
    ['<u4', 'uint32'],
    ['<u8', 'uint64'],
    ['|i1', 'int8'],
    ['<i2', 'int16'],
    ['<i4', 'int32'],
    ['<i8', 'int64'],
    ['|b1', 'bool'],
  ];
  it.each(types)('%s is %s', (descr, elementType) => {
    const bytes = new Uint8Array(sizeInBytes(elementType, [2, 3])!).fill(1);
    const tensor = tensorFromNpy(file(header(descr, '(2, 3)'), bytes), 'a.npy');
    expect(tensor).toMatchObject({elementType, shape: [2, 3]});
    expect(Buffer.from(tensor.bytes).equals(bytes)).toBe(true);
  });

  it.each([
    ['()', []],
    ['(3,)', [3]],
    ['(0, 4)', [0, 4]],
    ['(2L, 3L)', [2, 3]],
  ])('shape %s', (text, shape) => {
    const bytes = new Uint8Array(countElements(shape));
    expect(tensorFromNpy(file(header('|u1', text), bytes), 'a.npy').shape).toEqual(shape);
  });

  it.each([1, 2, 3])('format version %i', version => {
    const tensor = tensorFromNpy(file(header('<i2', '(1,)'), Uint8Array.of(5, 0), version), 'a.npy');
    expect([...tensor.bytes]).toEqual([5, 0]);
  });

  const refused: [string, Uint8Array, string, string][] = [
    [
      'another kind of file',
      Buffer.from('PK\x03\x04 a zip archive'),
      'not-an-npy-file',
      'a.npy is not a NumPy',
    ],
    ['an empty file', new Uint8Array(0), 'not-an-npy-file', 'a.npy is not a NumPy'],
    [
      'Fortran order',
      file(header('<f4', '(2, 2)', 'True'), new Uint8Array(16)),
      'npy-unsupported',
      'Fortran order',
    ],
    ['objects', file(header('|O', '(2,)'), new Uint8Array(16)), 'npy-unsupported', 'Python objects'],
    ['big-endian numbers', file(header('>f4', '(2,)'), new Uint8Array(8)), 'npy-unsupported', '">f4"'],
    ['text', file(header('<U3', '(2,)'), new Uint8Array(24)), 'npy-unsupported', '"<U3"'],
    [
      'a structured array',
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)),
      'npy-unsupported',
      'structured',
    ],
    ['a future version', file(header('<f4', '(2,)'), new Uint8Array(8), 4), 'npy-unsupported', 'version 4'],
    ['data cut short', file(header('<f4', '(2, 2)'), new Uint8Array(15)), 'npy-truncated', 'announces'],
    [
      'a header cut short',
      file(header('<f4', '(2, 2)'), new Uint8Array(0)).subarray(0, 40),
      'npy-truncated',
      '40 bytes',
    ],
  ];
  it.each(refused)('refuses %s', async (_, bytes, code, text) => {
    expect(() => tensorFromNpy(bytes, 'a.npy')).toThrow(
      expect.objectContaining({code, exitCode: 10, message: expect.stringContaining(text) as string}),
    );
    const path = join(folder, `${code}-${text.length}.npy`);
    await writeFile(path, bytes);
    await expect(openNpy(path)).rejects.toMatchObject({code});
  });

  it('names a file that is not there', async () => {
    const path = join(folder, 'absent.npy');
    await expect(readNpy(path)).rejects.toMatchObject({
      code: 'no-such-file',
      message: `There is no file ${path}.`,
    });
    await expect(openNpy(path)).rejects.toMatchObject({code: 'no-such-file'});
  });
});

describe('writing .npy', () => {
  it.each<[ElementType, number[]]>([
    ['float32', [2, 3, 4]],
    ['uint8', [7]],
    ['int64', []],
    ['bool', [0, 2]],
    ['float16', Array.from({length: 24}, () => 1)],
  ])('%s of shape %j comes back', async (elementType, shape) => {
    const tensor = tensorOf(elementType, shape);
    const path = join(folder, 'written.npy');
    await writeNpy(path, tensor);
    expect(await readNpy(path).then(back => ({...back, bytes: [...back.bytes]}))).toEqual({
      ...tensor,
      bytes: [...tensor.bytes],
    });
  });

  it('starts the data at a multiple of 64', () => {
    const written = npyFromTensor(tensorOf('uint8', [3]));
    expect((written.length - 3) % 64).toBe(0);
    expect(written[written.length - 4]).toBe('\n'.charCodeAt(0));
  });

  it('refuses a type that NumPy does not know', () => {
    expect(() => npyFromTensor(tensorOf('bfloat16', [1]))).toThrow(RangeError);
  });
});

describe('rows of an open .npy', () => {
  it('are read where they are asked for', async () => {
    const path = join(folder, 'rows.npy');
    const bytes = Uint8Array.from({length: 5 * 2 * 4}, (_, at) => at);
    await writeNpy(path, {elementType: 'float32', shape: [5, 2], bytes});
    const npy = await openNpy(path);
    try {
      expect(npy).toMatchObject({elementType: 'float32', shape: [5, 2]});
      expect(await npy.readRows(3, 2)).toEqual({
        elementType: 'float32',
        shape: [2, 2],
        bytes: bytes.slice(24),
      });
      expect(await npy.readRows(5, 0)).toMatchObject({shape: [0, 2]});
      await expect(npy.readRows(4, 2)).rejects.toThrow('rows 4 to 5 of 5');
    } finally {
      await npy.close();
    }
  });

  it('need a first axis', async () => {
    const path = join(folder, 'scalar.npy');
    await writeNpy(path, tensorOf('float32', []));
    await expect(openNpy(path)).rejects.toMatchObject({code: 'npy-unsupported'});
  });
});
