import {execFile} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {extractSegments} from '../../src/model/extractSegments.ts';
import {fixInputShapes} from '../../src/model/fixInputShapes.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {nameLayers} from '../../src/model/nameLayers.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {withMeasuredTypes} from '../../src/model/exposeAllTensors.ts';
import {prepareForCuts, randomDownClosedSet} from '../integration/cutRecipe.ts';
import {explainSharedModels, SHARED_MODELS} from '../integration/sharedModels.ts';
import {modelWithBodies} from '../unit/model/handMadeModels.ts';

const python = process.env['EDGEWISE_PYTHON'];
const MODELS = [
  'mnist-cnn/mnist.onnx',
  'mnist-mlp/mnist_conv_small_nat.onnx',
  'cifar10-resnet/resnet20_cifar10.onnx',
  'cifar10-resnet8/resnet8_cifar10.onnx',
  'dscnn-kws/dscnn_kws.onnx',
  'vww-mobilenetv1/mobilenetv1_025_vww.onnx',
  'squeezenet/SqueezeNet_fp16.onnx',
];
const SETS = 5;

describe.skipIf(python === undefined)(
  'what is written, by onnx.checker (set EDGEWISE_PYTHON to a Python that has onnx)',
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-checker-'));
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    /** Writes both parts of a few cuts, inline and with each weight in a file of its own. */
    function saveSegments(graph: Graph, target: string): number {
      let count = 0;
      for (let seed = 0; seed < SETS; seed++) {
        const {head, tail} = extractSegments(graph, randomDownClosedSet(graph, seed));
        for (const [side, model] of Object.entries({head, tail})) {
          if (model === null) continue;
          saveModel(model, join(target, `${seed}-${side}`), false);
          saveModel(model, join(target, `${seed}-${side}-external`), true);
          count += 2;
        }
      }
      return count;
    }

    function saveModel(model: OnnxModel, target: string, isExternal: boolean): void {
      mkdirSync(target, {recursive: true});
      let next = 0;
      const written = writeModel(
        model,
        isExternal
          ? {kind: 'external', thresholdBytes: 256, nameLocation: () => `weight-${next++}`}
          : {kind: 'inline'},
      );
      for (const file of [{path: 'model.onnx', chunks: written.chunks}, ...written.externalFiles]) {
        mkdirSync(dirname(join(target, file.path)), {recursive: true});
        writeFileSync(join(target, file.path), Buffer.concat([...file.chunks]));
      }
    }

    async function expectAccepted(target: string, count: number): Promise<void> {
      const {stdout} = await promisify(execFile)(python!, [
        join(import.meta.dirname, 'check_models.py'),
        target,
      ]);
      expect(JSON.parse(stdout)).toEqual({checked: count, refused: {}});
    }

    it('accepts heads and tails of a model with control flow', async () => {
      const graph = withMeasuredTypes(
        graphFromModel(nameLayers(modelWithBodies())),
        new Map(
          ['sum', 'hidden', 'chosen'].map(name => [name, {elementType: 'float32', shape: [2]} as const]),
        ),
      );
      const target = join(folder, 'bodies');
      await expectAccepted(target, saveSegments(graph, target));
    });

    it.skipIf(!explainSharedModels('onnx.checker')).each(MODELS)(
      'accepts heads and tails of %s as prepared and optimised',
      async model => {
        const target = join(folder, basename(model));
        const work = mkdtempSync(join(folder, 'work-'));
        const prepared = await prepareForCuts(join(SHARED_MODELS, model), work, {seedWeights: false});
        const count = saveSegments(prepared.graph, target);
        prepared.close();
        expect(fixInputShapes(prepared.graph.model, {})).toBe(prepared.graph.model);
        await expectAccepted(target, count);
      },
    );
  },
);
