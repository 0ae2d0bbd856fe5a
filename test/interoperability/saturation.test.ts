import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../src/quantize/ranges/collectRanges.ts';
import {X86_VNNI} from '../../src/targets/x86Vnni.ts';
import {openSaturatingModel} from '../../src/workflows/openSaturatingModel.ts';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {floats} from '../integration/operatorCases.ts';
import {recordedDigests} from '../integration/recordedSaturation.ts';
import {SATURATING_CASES} from '../integration/saturatingModels.ts';
import {explainSharedModels, SHARED_MODELS} from '../integration/sharedModels.ts';

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
const SCRIPT = join(import.meta.dirname, 'run_models.py');

/** Runs every .onnx file of the folder in the real library on that processor. */
function runOnHaswell(folder: string): void {
  const {status, stderr} = spawnSync('qemu-x86_64', ['-cpu', PROCESSOR, python ?? '', SCRIPT, folder], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
}

describe.skipIf(!canRun)('saturation, by ONNX Runtime under an emulated Haswell:', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-saturation-'));
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  it('what was recorded of it is what it gives', () => {
    const cases = join(folder, 'cases');
    mkdirSync(cases);
    for (const [index, {model, input}] of SATURATING_CASES.entries()) {
      writeFileSync(join(cases, `case-${index}.onnx`), bytesFromModel(model));
      writeFileSync(join(cases, `case-${index}.x`), input.bytes);
    }
    runOnHaswell(cases);
    const digests = SATURATING_CASES.map(({title}, index) => {
      const bytes = readFileSync(join(cases, `case-${index}.y`));
      return [title, createHash('sha256').update(bytes).digest('hex')];
    });
    expect(recordedDigests()).toEqual(Object.fromEntries(digests));
  });

  it.skipIf(!explainSharedModels('saturation of a whole network'))(
    'a residual network whose every layer saturates gives the same bytes',
    async () => {
      const cifar = readFileSync(join(SHARED_MODELS, 'data-cifar10/cifar10_lossless300.bin'));
      // One byte of label and 3072 of pixels each.
      const picture = (index: number) =>
        floats([1, 3, 32, 32], [...cifar.subarray(index * 3073 + 1, (index + 1) * 3073)]);
      const float = await prepareFloatModel({
        modelFile: join(SHARED_MODELS, 'cifar10-resnet8/resnet8_cifar10.onnx'),
        inputShapes: {},
        temporaryFolder: folder,
      });
      try {
        const scheme = X86_VNNI.recipe.candidates[0]!.scheme!;
        const plan = planQuantization(float.graph, scheme);
        const source = {requestCount: 8, readRequest: async (index: number) => ({input: picture(index)})};
        const runner = startSampleRunner(source, {temporaryFolder: folder});
        const ranges = await collectRanges(float.graph, tensorsToMeasure(plan), runner, 'min-max');
        const network = join(folder, 'network');
        mkdirSync(network);
        const path = join(network, 'resnet8.onnx');
        writeFileSync(path, bytesFromModel(quantizeGraph(float.graph, plan, scheme, ranges)));
        const pictures = [100, 101, 102, 103].map(picture);
        writeFileSync(join(network, 'resnet8.x'), Buffer.concat(pictures.map(({bytes}) => bytes)));
        runOnHaswell(network);
        const emulated = await openSaturatingModel(path, {temporaryFolder: folder, threads: 1});
        try {
          expect(emulated.saturating.length).toBe(10);
          const outputs: Uint8Array[] = [];
          for (const one of pictures) outputs.push(Object.values(await emulated.run({input: one}))[0]!.bytes);
          expect(Buffer.compare(Buffer.concat(outputs), readFileSync(join(network, 'resnet8.y')))).toBe(0);
        } finally {
          await emulated.close();
        }
      } finally {
        await float.close();
      }
    },
  );
});
