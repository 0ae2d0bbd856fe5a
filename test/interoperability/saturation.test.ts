import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {emulateModel} from '../integration/emulateModel.ts';
import {recordedDigests} from '../integration/recordedSaturation.ts';
import {SATURATING_CASES} from '../integration/saturatingModels.ts';

const python = process.env['EDGEWISE_PYTHON'];
const hasQemu = spawnSync('qemu-x86_64', ['--version']).status === 0;
const canRun = python !== undefined && hasQemu && process.arch === 'x64';
if (!canRun) {
  console.warn(
    'saturation: skipped; it needs EDGEWISE_PYTHON (with onnxruntime), qemu-x86_64 and an x64 machine',
  );
}

/** AVX2 without VNNI: the last Intel core before AVX-512. */
const PROCESSOR = 'Haswell';

describe.skipIf(!canRun)('saturation, by ONNX Runtime under an emulated Haswell:', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-saturation-'));
    for (const [index, {model, input}] of SATURATING_CASES.entries()) {
      writeFileSync(join(folder, `case-${index}.onnx`), bytesFromModel(model));
      writeFileSync(join(folder, `case-${index}.x`), input.bytes);
    }
    const script = join(import.meta.dirname, 'run_models.py');
    const {status, stderr} = spawnSync('qemu-x86_64', ['-cpu', PROCESSOR, python ?? '', script, folder], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  it.each(SATURATING_CASES.map((one, index) => [one.title, index, one] as const))(
    '%s gives the same bytes',
    async (_, index, {model, input}) => {
      const emulated = await emulateModel(model, folder);
      try {
        const outputs = Object.values(await emulated.run({x: input}));
        expect(
          Buffer.compare(Buffer.from(outputs[0]!.bytes), readFileSync(join(folder, `case-${index}.y`))),
        ).toBe(0);
        expect(emulated.unknown).toEqual([]);
      } finally {
        await emulated.close();
      }
    },
  );

  it('the recorded digests are those of the real library', () => {
    const digests = SATURATING_CASES.map(({title}, index) => {
      const bytes = readFileSync(join(folder, `case-${index}.y`));
      return [title, createHash('sha256').update(bytes).digest('hex')];
    });
    expect(recordedDigests()).toEqual(Object.fromEntries(digests));
  });
});
