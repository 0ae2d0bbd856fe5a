import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {chainCutsOf, checkCut, prepareForCuts, randomDownClosedSet} from './cutRecipe.ts';
import {explainSharedModels, SHARED_MODELS} from './sharedModels.ts';

const MODELS = [
  'mnist-cnn/mnist.onnx',
  'mnist-mlp/mnist_6_200_nat.onnx',
  'mnist-mlp/mnist_conv_small_nat.onnx',
  'cifar10-resnet/resnet20_cifar10.onnx',
  'cifar10-resnet8/resnet8_cifar10.onnx',
  'dscnn-kws/dscnn_kws.onnx',
  'ad01-autoencoder/ad01_autoencoder.onnx',
  'vww-mobilenetv1/mobilenetv1_025_vww.onnx',
];
const RANDOM_SETS = 20;

describe.skipIf(!explainSharedModels('cuts'))(
  'the tail run on what the head gives is the whole model',
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-cuts-'));
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    it.each(MODELS)('%s: every chain cut and random down-closed sets, bit for bit', async model => {
      const prepared = await prepareForCuts(join(SHARED_MODELS, model), mkdtempSync(join(folder, 'model-')), {
        seedWeights: false,
      });
      const sets = [
        ...chainCutsOf(prepared.graph),
        ...Array.from({length: RANDOM_SETS}, (_, seed) => randomDownClosedSet(prepared.graph, seed)),
      ];
      const failures: string[] = [];
      for (const set of sets) {
        const {isBitwise, maxAbsoluteDifference} = await checkCut(prepared, set);
        // The hard bar first: a wrong cut is another failure than one whose last bits differ.
        expect(maxAbsoluteDifference, `head of layers ${[...set].join(' ')}`).toBeLessThanOrEqual(1e-5);
        if (!isBitwise) failures.push(`${set.size} layers: ${maxAbsoluteDifference}`);
      }
      prepared.close();
      expect(failures).toEqual([]);
    });
  },
);
