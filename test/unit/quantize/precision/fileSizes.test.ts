import {mkdtempSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Graph} from '../../../../src/model/graph.ts';
import type {OnnxModel} from '../../../../src/model/onnx/messages.ts';
import {writeModel} from '../../../../src/model/onnx/writeModel.ts';
import {compactModel} from '../../../../src/quantize/compactModel.ts';
import type {BlockWeightOptions} from '../../../../src/quantize/precision/blockWriter.ts';
import {quantizeDynamically} from '../../../../src/quantize/precision/quantizeDynamically.ts';
import {quantizeToBlocks} from '../../../../src/quantize/precision/quantizeToBlocks.ts';
import {prepareFloatModel} from '../../../../src/workflows/prepareFloatModel.ts';
import {explainSharedModels, SHARED_MODELS} from '../../../integration/sharedModels.ts';
import {transformer} from './precisionModels.ts';

const OPTIONS: BlockWeightOptions = {format: 'dequantize', largestShare: 0.16};

function sizeOf(model: OnnxModel, original: Graph): number {
  return writeModel(compactModel(model, original), {kind: 'inline'}).sizeBytes;
}

describe('files with 4-bit weights take at most 16 % of the float ones over 1 MB:', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-sizes-'));
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  it('a transformer of 22 MB, whatever the format; 8-bit ones at most 26 %', () => {
    const graph = transformer({words: 2000, width: 512, heads: 8, hidden: 2048, blocks: 1}, 1);
    const floatBytes = sizeOf(graph.model, graph);
    expect(floatBytes).toBeGreaterThan(20e6);
    expect(sizeOf(quantizeToBlocks(graph).model, graph) / floatBytes).toBeLessThan(0.16);
    expect(sizeOf(quantizeToBlocks(graph, OPTIONS).model, graph) / floatBytes).toBeLessThan(0.16);
    expect(sizeOf(quantizeDynamically(graph).model, graph) / floatBytes).toBeLessThan(0.26);
    const eight = quantizeToBlocks(graph, {bits: 8, largestShare: 0.26});
    expect(sizeOf(eight.model, graph) / floatBytes).toBeLessThan(0.26);
  });

  it
    .skipIf(!explainSharedModels('file sizes'))
    .each([
      'ad01-autoencoder/ad01_autoencoder.onnx',
      'mnist-mlp/mnist_6_200_nat.onnx',
      'cifar10-resnet/resnet20_cifar10.onnx',
      'cifar10-resnet/resnet56_cifar10.onnx',
      'squeezenet/squeezenet1.1_fp32.onnx',
    ])('%s', async path => {
    const modelFile = join(SHARED_MODELS, path);
    const float = await prepareFloatModel({
      modelFile,
      inputShapes: {},
      temporaryFolder: folder,
      opset: 21,
    });
    const {graph} = float;
    const {model, floatLayers} = quantizeToBlocks(graph, OPTIONS);
    const share = sizeOf(model, graph) / statSync(modelFile).size;
    expect(floatLayers).toEqual([]);
    expect(share).toBeLessThan(0.16);
    // No coarser than that asks for.
    expect(share).toBeGreaterThan(0.15);
    await float.close();
  });
});
