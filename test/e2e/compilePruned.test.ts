import {readdirSync, readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import type {Build} from '../../src/documents/build.ts';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {writeNpy} from '../../src/workspace/npy.ts';
import {SHARED_MODELS, explainSharedModels} from '../integration/sharedModels.ts';
import {inTemporaryFolder, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

const MODEL = 'mnist-mlp/mnist_conv_small_nat.onnx';
const IMAGE = 28 * 28;
const CALIBRATION = 100;
const EVALUATION = 400;

/** A project of the shared model with digits to learn from and others, labelled, to judge on. */
async function inProject(accuracy: string, work: (folder: string) => Promise<void>): Promise<void> {
  await inTemporaryFolder(async folder => {
    const read = (name: string) => readFileSync(join(SHARED_MODELS, 'data-mnist1000', name));
    const pixels = read('mnist1000_images_u8.bin');
    const write = (name: string, from: number, count: number) => {
      const part = pixels.subarray(from * IMAGE, (from + count) * IMAGE);
      const values = Float32Array.from(part, pixel => (pixel / 255 - 0.1307) / 0.3081);
      return writeNpy(join(folder, name), {
        elementType: 'float32',
        shape: [count, 1, 28, 28],
        bytes: new Uint8Array(values.buffer),
      });
    };
    await write('calibration.npy', 0, CALIBRATION);
    await write('evaluation.npy', CALIBRATION, EVALUATION);
    await writeNpy(join(folder, 'labels.npy'), {
      elementType: 'uint8',
      shape: [EVALUATION],
      bytes: new Uint8Array(read('mnist1000_labels_u8.bin').subarray(CALIBRATION, CALIBRATION + EVALUATION)),
    });
    await writeFile(
      join(folder, 'edgewise.yaml'),
      `kind: edgewise/project\nformatVersion: 1\nmodel: {file: ${JSON.stringify(join(SHARED_MODELS, MODEL))}}\n` +
        'devices:\n  - {name: here, address: local}\ncalibration: calibration.npy\n' +
        `evaluation: {path: evaluation.npy, labels: labels.npy}\n${accuracy}`,
    );
    await work(folder);
  });
}

function compile(folder: string, ...args: string[]): Promise<Ended> {
  return runEdgewise(['compile', '--prune', ...args, '--json'], {cwd: folder, home: folder});
}

const buildOf = (ended: Ended): Build => jsonOf<{builds: {build: Build}[]}>(ended).builds[0]!.build;

/** Output places of the layers that a weight is of: 28 is 13 and then 5 after kernels of 4 in steps of 2. */
const PLACES: Readonly<Record<string, number>> = {
  '0.weight': 13 * 13,
  '2.weight': 5 * 5,
  '5.weight': 1,
  '7.weight': 1,
};

function multiplyAddsOf(path: string): number {
  const {graph} = modelFromSource(sourceFromBytes(readFileSync(path)), {fileName: path});
  return graph.initializers.reduce(
    (sum, {name, dims}) => sum + (PLACES[name] ?? 0) * dims.reduce((product, size) => product * size, 1),
    0,
  );
}

describe.skipIf(!explainSharedModels('compile --prune'))('edgewise compile --prune', () => {
  test('takes channels as far as the budget allows, quantises what is left, and says all of it', () =>
    inProject('accuracy: {maxDrop: 1 points}\n', async folder => {
      // Of another family than this machine: nothing can be timed, and multiply-adds decide.
      const {pruning, accuracy, recipe, candidates} = buildOf(await compile(folder, '--target', 'arm64'));
      expect(accuracy!.original! - accuracy!.build!).toBeLessThanOrEqual(0.01 + 1e-9);
      expect(pruning!.multiplyAddsRemoved).toBeGreaterThan(0.3);
      expect(pruning!.accuracy.pruned).toBe(accuracy!.build);
      expect(pruning!.channels.every(({of, removed}) => removed > 0 && (of - removed) % 8 === 0)).toBe(true);
      expect(candidates!.map(({name}) => name)).toContain(pruning!.unpruned);
      expect(pruning!.latencyMs).toBeUndefined();
      expect(recipe.map(({decision}) => decision)).toContain('pruned is taken to be faster');
    }));

  test('the float build has so many multiply-adds less, and is only handed out where it is measured to be faster', () =>
    inProject('accuracy: {maxDrop: 1 points}\n', async folder => {
      const {pruning, latency, recipe} = buildOf(
        await compile(folder, '--precision', 'fp32', '--device', 'here'),
      );
      if (pruning === undefined) {
        expect(recipe.find(({decision}) => decision === 'nothing pruned')?.reason).toMatch(/slower/);
        return;
      }
      expect(latency!.ratio).toBeLessThan(1);
      expect(pruning.latencyMs).toBeDefined();
      const [file = ''] = readdirSync(join(folder, 'builds')).filter(name => name.endsWith('.onnx'));
      const left = multiplyAddsOf(join(folder, 'builds', file)) / multiplyAddsOf(join(SHARED_MODELS, MODEL));
      expect(1 - left).toBeCloseTo(pruning.multiplyAddsRemoved, 4);
    }));

  test('says why nothing was pruned when the budget has no room', () =>
    inProject('accuracy: {metric: sqnr, minimum: 300}\n', async folder => {
      const {pruning, recipe} = buildOf(await compile(folder, '--precision', 'fp32', '--target', 'arm64'));
      expect(pruning).toBeUndefined();
      const said = recipe.find(({decision}) => decision === 'nothing pruned');
      expect(said?.reason).toMatch(/^without [\d.]+ % of the multiply-adds sqnr is [\d.]+/);
    }));

  test('needs a budget', () =>
    inProject('', async folder => {
      const ended = await compile(folder, '--target', 'arm64');
      expect(ended.exitCode).toBe(2);
      expect(jsonOf<{error: {code: string}}>(ended).error.code).toBe('accuracy-budget-missing');
    }));
});
