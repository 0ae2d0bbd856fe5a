import {mkdtempSync, readdirSync, rmSync, truncateSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {BOUNDS, checkModel, writeCorpusModel, type CorpusResult} from '../tools/corpus/checkModel.ts';
import {CORPUS, SHARED_CORPUS} from '../tools/corpus/corpus.ts';
import type {CorpusModel} from '../tools/corpus/corpusModel.ts';
import {Net} from '../tools/corpus/net.ts';
import {explainSharedModels, SHARED_MODELS} from './sharedModels.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-corpus-'));
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

function expectWithinTolerance({difference, decibels}: CorpusResult, tolerance: number | undefined): void {
  expect(difference).toBeLessThanOrEqual(tolerance ?? BOUNDS.difference);
  expect(decibels).toBeGreaterThanOrEqual(BOUNDS.decibels);
}

describe('a model is prepared, answers the same, and survives int8', () => {
  it.each(CORPUS.map(one => [one.name, one] as const))('%s', async (_, one) => {
    const path = await writeCorpusModel(one, folder);
    expectWithinTolerance(await checkModel(path, folder, one), one.tolerance);
  });

  it.skipIf(!explainSharedModels('the corpus')).each(SHARED_CORPUS.map(one => [one.path, one] as const))(
    '%s',
    async (path, one) => {
      expectWithinTolerance(await checkModel(join(SHARED_MODELS, path), folder, one), one.tolerance);
    },
  );
});

describe('what was decided is told', () => {
  const decisionsOf = async (modelFile: string, opset?: number): Promise<readonly string[]> => {
    const float = await prepareFloatModel({
      modelFile,
      inputShapes: {},
      temporaryFolder: folder,
      ...(opset === undefined ? {} : {opset}),
    });
    await float.close();
    return float.decisions.map(({decision, reason}) => `${decision}: ${reason}`);
  };
  const named = (name: string): CorpusModel => CORPUS.find(one => one.name === name)!;

  it('for an old model', async () => {
    const path = await writeCorpusModel(named('opset 9, transposed convolutions and Upsample'), folder);
    expect(await decisionsOf(path)).toEqual([
      'input code is [1, 8, 4, 4]: the model leaves the batch open and no shape was given: one sample a request',
      'raise opset 9 to 13: scales per channel need 13; Upsample: it became Resize (1 layer)',
      'graph optimisation level basic: portable: only operators that every runtime knows',
      "fuse 1 BatchNormalization: a factor and an offset per channel go into the layer's weights and bias",
    ]);
  });

  it('for weights that are inputs, constants that are computed and scaled normalisation', async () => {
    const path = await writeCorpusModel(named('opset 8, weights among the inputs'), folder);
    expect((await decisionsOf(path))[0]).toMatch(/^weights are no longer inputs: /);
    const scaled = named('opset 7, scaled BatchNormalization before convolutions, Concat');
    expect(await decisionsOf(await writeCorpusModel(scaled, folder))).toContain(
      'fuse 6 scalings into BatchNormalization: a factor and an offset per channel after a factor and an offset per channel',
    );
    const computed = named('opset 14, weights through Transpose, Identity and ConstantOfShape');
    expect(await decisionsOf(await writeCorpusModel(computed, folder))).toContain(
      'fold 4 constant layers: weights must be constants',
    );
  });

  it('for float16, and for an opset that was asked for', async () => {
    const path = await writeCorpusModel(named('opset 12, float16'), folder);
    const decisions = await decisionsOf(path, 17);
    expect(decisions[0]).toBe(
      'float16 becomes float32: integers are made of float32; inputs and outputs keep their type',
    );
    expect(decisions[1]).toMatch(/^raise opset 12 to 17: /);
  });
});

describe('a model that cannot be prepared', () => {
  interface Refusal {
    readonly name: string;
    readonly code: string;
    readonly exitCode: number;
    readonly message: RegExp;
    readonly build: (net: Net) => void;
    readonly opset?: number;
  }
  const refusals: readonly Refusal[] = [
    {
      name: 'has an operator that nobody knows',
      code: 'operator-unsupported',
      exitCode: 13,
      message:
        /^Layer frobnicate_1 of model\.onnx needs operator Frobnicate, which the runtime does not have\.$/,
      build: net => net.add('Frobnicate', [net.input('x', [1, 2])], {}, ['y']),
    },
    {
      name: 'has an operator that nobody knows, in an old opset',
      code: 'operator-unsupported',
      exitCode: 13,
      message: /^Layer frobnicate_\d of model\.onnx needs operator Frobnicate/,
      build: net => net.add('Frobnicate', [net.input('x', [1, 2])], {}, ['y']),
      opset: 9,
    },
    {
      name: 'has a layer that cannot be written in opset 13',
      code: 'opset-unsupported',
      exitCode: 13,
      message:
        /^Layer resize_2 \(Resize\) cannot be raised from opset 10 to 13: it makes one axis larger and another smaller/,
      build: net =>
        net.add('Resize', [net.input('x', [1, 1, 4, 4]), net.constant([4], [1, 1, 2, 0.5])], {}, ['y']),
      opset: 10,
    },
    {
      name: 'leaves more open than the batch',
      code: 'input-shape-missing',
      exitCode: 10,
      message: /^Input "x" is \[batch, length\] in the model, and no shape was given that fixes it\.$/,
      build: net => net.add('Relu', [net.input('x', ['batch', 'length'])], {}, ['y']),
    },
  ];
  it.each(refusals.map(one => [one.name, one] as const))(
    '%s',
    async (_, {code, exitCode, message, build, opset = 13}) => {
      const net = new Net({opset, seed: 1});
      build(net);
      const modelFile = await writeCorpusModel({name: 'refused', build: () => net.model(['y'])}, folder);
      const left = readdirSync(folder);
      await expect(
        prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder: folder}),
      ).rejects.toMatchObject({code, exitCode, message: expect.stringMatching(message) as string});
      expect(readdirSync(folder)).toEqual(left);
    },
  );

  it('lacks a file of weights, or is cut off', async () => {
    const external = CORPUS.find(one => one.isExternal === true)!;
    const modelFile = await writeCorpusModel(external, folder);
    const prepare = () => prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder: folder});
    for (const file of readdirSync(folder)) if (file.endsWith('.bin')) rmSync(join(folder, file));
    await expect(prepare()).rejects.toMatchObject({code: 'external-data-missing', exitCode: 10});
    truncateSync(modelFile, 100);
    await expect(prepare()).rejects.toMatchObject({code: 'not-an-onnx-model', exitCode: 10});
  });
});
