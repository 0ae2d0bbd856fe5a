import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {ElementType} from '../../src/documents/elementTypes.ts';
import {readNpy, writeNpy} from '../../src/workspace/npy.ts';

const python = process.env['EDGEWISE_PYTHON'];
const runFile = promisify(execFile);

/** Loads a file with NumPy, says what it saw, and saves the same array again with NumPy's own writer. */
const SCRIPT = `
import sys, json, numpy
array = numpy.load(sys.argv[1])
print(json.dumps({"type": str(array.dtype), "shape": list(array.shape), "bytes": array.tobytes().hex()}))
numpy.save(sys.argv[2], array)
`;

const TYPES: ElementType[] = [
  'float16',
  'float32',
  'float64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'int8',
  'int16',
  'int32',
  'int64',
  'bool',
];

describe.skipIf(python === undefined)(
  '.npy against NumPy (set EDGEWISE_PYTHON to a Python that has it)',
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'edgewise-numpy-'));
    });
    afterAll(() => rm(folder, {recursive: true, force: true}));

    it.each(TYPES.flatMap(type => [[], [3], [2, 0], [2, 3, 4]].map(shape => [type, shape] as const)))(
      '%s of shape %j is read by NumPy and comes back',
      async (elementType, shape) => {
        const width = Number(/\d+$/.exec(elementType)?.[0] ?? 8) / 8;
        const length = width * shape.reduce((product, axis) => product * axis, 1);
        const bytes = Uint8Array.from({length}, (_, at) =>
          elementType === 'bool' ? at % 2 : (at * 37) % 120,
        );
        const ours = join(folder, 'ours.npy');
        const theirs = join(folder, 'theirs.npy');
        await writeNpy(ours, {elementType, shape, bytes});
        const {stdout} = await runFile(python!, ['-c', SCRIPT, ours, theirs]);
        expect(JSON.parse(stdout)).toEqual({
          type: elementType,
          shape,
          bytes: Buffer.from(bytes).toString('hex'),
        });
        const back = await readNpy(theirs);
        expect({...back, bytes: [...back.bytes]}).toEqual({elementType, shape, bytes: [...bytes]});
      },
    );
  },
);
