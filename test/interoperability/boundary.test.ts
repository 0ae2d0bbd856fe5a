import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {BoundaryEncoding} from '../../src/documents/boundary.ts';
import type {Tensor} from '../../src/documents/tensor.ts';
import {extractSegments} from '../../src/model/extractSegments.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {encodeBoundary} from '../../src/quantize/boundary/encodeBoundary.ts';
import {prepareForCuts, randomDownClosedSet, runModel, type PreparedModel} from '../integration/cutRecipe.ts';
import {explainSharedModels, SHARED_MODELS} from '../integration/sharedModels.ts';
import {runPairsInPython, type SegmentPair} from './boundaryPairs.ts';

const python = process.env['EDGEWISE_PYTHON'];
/** Of old and new opsets, with one tensor in the cut and with several. */
const MODELS = [
  'mnist-cnn/mnist.onnx',
  'cifar10-resnet8/resnet8_cifar10.onnx',
  'dscnn-kws/dscnn_kws.onnx',
  'squeezenet/squeezenet1.1_fp32.onnx',
  'vww-mobilenetv1/mobilenetv1_025_vww.onnx',
];
const SETS = 4;
const ENCODINGS: readonly BoundaryEncoding[] = [
  {precision: 'fp16'},
  {precision: 'int8', scale: Math.fround(0.05), zeroPoint: 100},
  {
    precision: 'pixels',
    pixels: {numerator: 1, denominator: 255, mean: [0.25], std: [0.5], channelAxis: 1},
  },
];
/** Of the largest answer: versions of the runtime add in another order, which can round to the next step. */
const LARGEST_DIFFERENCE = 0.01;

describe.skipIf(python === undefined || !explainSharedModels('what crosses, in Python'))(
  'what crosses in fewer bytes, in Python (set EDGEWISE_PYTHON to a Python that has onnx and onnxruntime)',
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-boundary-'));
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    it.each(MODELS)(
      'heads and tails of %s are accepted, send so many bytes and answer the same',
      async path => {
        const prepared = await prepareForCuts(join(SHARED_MODELS, path), folder, {seedWeights: false});
        const pairs = ENCODINGS.flatMap(encoding => pairsOf(prepared, encoding));
        expect(pairs.length).toBeGreaterThan(ENCODINGS.length);
        const answers = await runPairsInPython(python!, folder, pairs);
        for (const [at, {segments, feeds, outputs, bytes}] of pairs.entries()) {
          const {problems, crossed, outputs: there} = answers[at]!;
          expect(problems).toEqual([]);
          expect(crossed).toEqual(bytes);
          const here: Record<string, Tensor> = {...feeds};
          for (const model of [segments.head, segments.tail]) {
            if (model === null) continue;
            const given = model.graph.inputs.map(({name}): [string, Tensor] => [name, here[name]!]);
            Object.assign(here, await runModel(model, Object.fromEntries(given), folder));
          }
          for (const name of outputs) {
            const expected = [...floatsOf(here[name]!)];
            const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
            const difference = expected.reduce(
              (most, value, index) => Math.max(most, Math.abs(value - there[name]![index]!)),
              0,
            );
            expect(difference / largest).toBeLessThan(LARGEST_DIFFERENCE);
          }
        }
        prepared.close();
      },
      120_000,
    );
  },
);

/** Cuts of any shape, every float tensor that crosses encoded alike. */
function pairsOf(
  {graph, feeds}: PreparedModel,
  encoding: BoundaryEncoding,
): (SegmentPair & {readonly bytes: Readonly<Record<string, number>>})[] {
  const types = new Map(
    [...graph.tensors.values()].flatMap(({name, elementType, shape}) =>
      elementType === undefined || shape === undefined ? [] : [[name, {elementType, shape}] as const],
    ),
  );
  const size = encoding.precision === 'fp16' ? 2 : 1;
  return Array.from({length: SETS}, (_, seed) => seed).flatMap(seed => {
    const plain = extractSegments(graph, randomDownClosedSet(graph, seed));
    if (plain.tail === null) return [];
    const encodings = new Map(plain.boundary.map(name => [name, encoding]));
    const segments = encodeBoundary(plain, {encodings, types, modelOutputs: graph.outputs});
    const bytes = segments.boundary.map((wire): [string, number] => [
      wire,
      size * segments.wireTypes.get(wire)!.shape.reduce((product, each) => product * each, 1),
    ]);
    return [{segments, feeds, outputs: graph.outputs, bytes: Object.fromEntries(bytes)}];
  });
}
