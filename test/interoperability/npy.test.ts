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

/** Loads files with NumPy, says what it saw in each, and saves the same arrays again with NumPy's own writer. */
const SCRIPT = `
import sys, json, numpy
seen = []
for path in sys.argv[1:]:
    array = numpy.load(path)
    seen.append({"type": str(array.dtype), "shape": list(array.shape), "bytes": array.tobytes().hex()})
    numpy.save(path + ".theirs.npy", array)
print(json.dumps(seen))
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

const CASES = TYPES.flatMap(elementType => [[], [3], [2, 0], [2, 3, 4]].map(shape => ({elementType, shape})));

function bytesOf({elementType, shape}: (typeof CASES)[number]): Uint8Array {
  const width = Number(/\d+$/.exec(elementType)?.[0] ?? 8) / 8;
  const length = width * shape.reduce((product, axis) => product * axis, 1);
  return Uint8Array.from({length}, (_, at) => (elementType === 'bool' ? at % 2 : (at * 37) % 120));
}

describe.skipIf(python === undefined)(
  '.npy against NumPy (set EDGEWISE_PYTHON to a Python that has it)',
  () => {
    let folder: string;
    let seen: unknown[];
    const fileOf = (index: number): string => join(folder, `${index}.npy`);
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'edgewise-numpy-'));
      for (const [index, each] of CASES.entries())
        await writeNpy(fileOf(index), {...each, bytes: bytesOf(each)});
      // All in one go: NumPy takes longer to start than all of them.
      const {stdout} = await runFile(python!, ['-c', SCRIPT, ...CASES.map((_, index) => fileOf(index))]);
      seen = JSON.parse(stdout) as unknown[];
    });
    afterAll(() => rm(folder, {recursive: true, force: true}));

    it.each(CASES.map((each, index) => ({...each, index})))(
      '$elementType of shape $shape is read by NumPy and comes back',
      async ({elementType, shape, index}) => {
        const bytes = bytesOf({elementType, shape});
        expect(seen[index]).toEqual({type: elementType, shape, bytes: Buffer.from(bytes).toString('hex')});
        const back = await readNpy(`${fileOf(index)}.theirs.npy`);
        expect({...back, bytes: [...back.bytes]}).toEqual({elementType, shape, bytes: [...bytes]});
      },
    );
  },
);
