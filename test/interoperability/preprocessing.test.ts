import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Preprocessing} from '../../src/documents/preprocessing.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {readNpy} from '../../src/workspace/npy.ts';

const python = process.env['EDGEWISE_PYTHON'];
const runFile = promisify(execFile);

/** Each case as edgewise.yaml says it; preprocess_images.py says the same with Pillow and NumPy. */
const CASES: readonly [string, readonly number[], Preprocessing][] = [
  ['imagenet', [3, 224, 224], 'imagenet'],
  ['caffe', [3, 224, 224], 'imagenet-caffe'],
  ['mobilenet', [224, 224, 3], 'mobilenet'],
  ['stretch', [3, 64, 80], {resize: {mode: 'stretch', interpolation: 'bicubic'}, scale: '1/255'}],
  ['letterbox', [3, 160, 160], {preset: 'unit', resize: {mode: 'letterbox'}}],
  ['gray', [1, 28, 28], {preset: 'unit', mean: 0.1307, std: 0.3081}],
];

const ARCHIVES = `
import sys, numpy
random = numpy.random.default_rng(2)
arrays = {"image": random.standard_normal((400, 3, 16, 16)).astype("float32"), "mask": random.integers(0, 2, (400, 5)).astype("uint8"), "labels": random.integers(0, 10, 400)}
numpy.savez(sys.argv[1] + "/stored.npz", **arrays)
numpy.savez_compressed(sys.argv[1] + "/packed.npz", **arrays)
numpy.save(sys.argv[1] + "/image.npy", arrays["image"])
`;

describe.skipIf(python === undefined)(
  'data sets against Pillow and NumPy (set EDGEWISE_PYTHON to a Python that has them)',
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'edgewise-pillow-'));
      await runFile(python!, [join(import.meta.dirname, 'preprocess_images.py'), folder]);
      await runFile(python!, ['-c', ARCHIVES, folder]);
    });
    afterAll(() => rm(folder, {recursive: true, force: true}));

    const valuesOf = (bytes: Uint8Array) => new Float32Array(new Uint8Array(bytes).buffer);

    it.each(CASES)(
      '%s: every value of every format is theirs, to the bit',
      async (name, shape, preprocessing) => {
        const expected = await readNpy(join(folder, `${name}.npy`));
        const input = {name: 'x', elementType: 'float32', shape: [1, ...shape]} as const;
        const set = await openDataSet(join(folder, 'images'), [input], {preprocessing});
        expect(expected.shape).toEqual([set.requestCount, ...shape]);
        const rowBytes = expected.bytes.length / set.requestCount;
        const different = [];
        for (let index = 0; index < set.requestCount; index++) {
          const {x} = await set.readRequest(index);
          const theirs = valuesOf(expected.bytes.subarray(index * rowBytes, (index + 1) * rowBytes));
          const ours = valuesOf(x!.bytes);
          const count = ours.filter((value, at) => value !== theirs[at]).length;
          if (count > 0) different.push({index, count});
        }
        expect(different).toEqual([]);
        await set.close();
      },
    );

    it.each(['stored.npz', 'packed.npz'])('%s has the values of the .npy file, in any order', async name => {
      const image = {name: 'image', elementType: 'float32', shape: [4, 3, 16, 16]} as const;
      const mask = {name: 'mask', elementType: 'uint8', shape: [4, 5]} as const;
      const archive = await openDataSet(join(folder, name), [image, mask], {classCount: 10});
      const plain = await openDataSet(join(folder, 'image.npy'), [image]);
      expect(archive).toMatchObject({sampleCount: 400, requestCount: 100});
      expect(new Set(archive.labels)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
      for (const index of [0, 99, 50, 51, 3]) {
        const [one, other] = [await archive.readRequest(index), await plain.readRequest(index)];
        expect(Buffer.compare(one['image']!.bytes, other['image']!.bytes)).toBe(0);
      }
      await archive.close();
      await plain.close();
    });
  },
);
