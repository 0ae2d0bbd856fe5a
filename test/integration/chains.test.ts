import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Tensor} from '../../src/documents/tensor.ts';
import {extractChain} from '../../src/model/extractChain.ts';
import {nestCalls} from '../../src/model/nestCalls.ts';
import {orderSegments} from '../../src/model/orderSegments.ts';
import {runNestedCalls} from '../properties/runNestedCalls.ts';
import {prepareForCuts, runModel, type PreparedModel} from './cutRecipe.ts';
import {explainSharedModels, SHARED_MODELS} from './sharedModels.ts';

const MODELS = [
  'mnist-cnn/mnist.onnx',
  'mnist-mlp/mnist_conv_small_nat.onnx',
  'cifar10-resnet/resnet20_cifar10.onnx',
  'cifar10-resnet8/resnet8_cifar10.onnx',
  'dscnn-kws/dscnn_kws.onnx',
  'ad01-autoencoder/ad01_autoencoder.onnx',
  'vww-mobilenetv1/mobilenetv1_025_vww.onnx',
];
const PLACEMENTS = 8;

/** Tiers of the layers: at random, but the more often the same as before the larger `stickiness`, as plans are. */
function randomTiers(count: number, tierCount: number, stickiness: number, seed: number): number[] {
  let state = seed * 2654435761;
  const next = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 2246822507) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  const tiers: number[] = [];
  while (tiers.length < count)
    tiers.push(tiers.length > 0 && next() < stickiness ? tiers.at(-1)! : Math.floor(next() * tierCount));
  return tiers;
}

async function answerInParts(
  {graph, feeds, folder}: PreparedModel,
  tiers: readonly number[],
  canKeep: boolean,
): Promise<{answers: ReadonlyMap<string, Tensor>; segments: number}> {
  const segments = orderSegments(graph, tiers);
  const chain = extractChain(
    graph,
    segments.map(({layers}) => layers),
  );
  const steps = nestCalls(
    chain.map(({inputs, outputs}, index) => ({tier: segments[index]!.tier, inputs, outputs})),
    {
      inputs: graph.inputs,
      outputs: graph.outputs,
      hasDirectLink: () => false,
      canKeep: () => canKeep,
    },
  );
  const given = new Map(Object.entries(feeds));
  const {answers} = await runNestedCalls(steps, given, graph.outputs, async (segment, known) => {
    const {model, inputs} = chain[segment]!;
    const outputs = await runModel(
      model,
      Object.fromEntries(inputs.map(name => [name, known.get(name)!])),
      folder,
    );
    return new Map(Object.entries(outputs));
  });
  return {answers, segments: segments.length};
}

describe.skipIf(!explainSharedModels('chains'))(
  'a model placed at random over tiers, back and forth, is the whole model',
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-chains-'));
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    it.each(MODELS)('%s: bit for bit over two and three tiers', async model => {
      const prepared = await prepareForCuts(join(SHARED_MODELS, model), mkdtempSync(join(folder, 'model-')), {
        seedWeights: false,
      });
      try {
        let mostSegments = 0;
        for (let seed = 1; seed <= PLACEMENTS; seed++) {
          const tiers = randomTiers(
            prepared.graph.layers.length,
            seed % 2 === 0 ? 2 : 3,
            (seed % 4) / 4,
            seed,
          );
          const {answers, segments} = await answerInParts(prepared, tiers, seed % 3 !== 0);
          mostSegments = Math.max(mostSegments, segments);
          for (const [name, {elementType, shape, bytes}] of Object.entries(prepared.expected)) {
            const answer = answers.get(name);
            expect([answer?.elementType, answer?.shape], name).toEqual([elementType, shape]);
            expect(Buffer.compare(answer!.bytes, bytes), `${name}, tiers ${tiers.join('')}`).toBe(0);
          }
        }
        // Without return trips none of this would have been tried.
        expect(mostSegments).toBeGreaterThanOrEqual(3);
      } finally {
        prepared.close();
      }
    });
  },
);
