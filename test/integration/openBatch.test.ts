import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import {runOnce} from '../../src/engine/session.ts';
import {withMeasuredTypes} from '../../src/model/exposeAllTensors.ts';
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {createUntypedValueInfo} from '../../src/model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {measureExtremes} from '../../src/quantize/ranges/measureExtremes.ts';
import {treatsSamplesApart, withOpenBatch} from '../../src/quantize/ranges/openBatch.ts';
import type {RunOnSamples, SampleRunner} from '../../src/quantize/sampleRunner.ts';
import {measureTypes} from '../../src/workflows/measureTypes.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {normalNumbers} from '../unit/quantize/normalNumbers.ts';
import {
  graphOf,
  integers,
  node,
  randomTensor,
  randomWeight,
} from '../unit/quantize/precision/precisionModels.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';

const IMAGE = [1, 4, 6, 6];
const SAMPLES = 5;

async function typed(
  nodes: readonly OnnxNode[],
  weights: readonly OnnxTensor[] = [],
  input: readonly number[] = IMAGE,
): Promise<Graph> {
  const output = nodes.at(-1)!.outputs[0]!;
  const {model} = graphOf(nodes, weights, {x: input}, {[output]: []});
  const outputs = [createUntypedValueInfo(output)];
  const graph = graphFromModel({...model, graph: {...model.graph, outputs}});
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-batch-'));
  try {
    return withMeasuredTypes(graph, await measureTypes(graph, folder));
  } finally {
    await rm(folder, {recursive: true});
  }
}

const sampleOf = (input: readonly number[], index: number): NamedTensors => ({
  x: randomTensor(input, index + 1),
});

function joined(input: readonly number[]): NamedTensors {
  const all = Array.from({length: SAMPLES}, (_, index) => floatsOf(sampleOf(input, index)['x']!));
  const bytes = new Uint8Array(Float32Array.from(all.flatMap(one => [...one])).buffer);
  return {x: {elementType: 'float32', shape: [SAMPLES, ...input.slice(1)], bytes}};
}

const weight = (name: string, ...shape: number[]): OnnxTensor => randomWeight(name, shape, 3);

describe('samples joined along the first axis', () => {
  it.each<[string, readonly OnnxNode[], readonly OnnxTensor[], (readonly number[])?]>([
    [
      'convolutions, pooling and a classifier',
      [
        node('Conv', ['x', 'w'], ['a']),
        node('Relu', ['a'], ['b']),
        node('MaxPool', ['b'], ['c'], {kernel_shape: {ints: [2n, 2n]}}),
        node('Flatten', ['c'], ['d']),
        node('Gemm', ['d', 'g', 'h'], ['e']),
        node('Softmax', ['e'], ['y']),
      ],
      [weight('w', 5, 4, 3, 3), weight('g', 45, 7), weight('h', 7)],
    ],
    [
      'sums with constants of fewer axes, and of as many',
      [
        node('Add', ['x', 'w'], ['a']),
        node('Mul', ['a', 'v'], ['b']),
        node('Sub', ['x', 'b'], ['c']),
        node('PRelu', ['c', 's'], ['y']),
      ],
      [weight('w', 6), weight('v', 1, 4, 1, 1), weight('s', 4, 1, 1)],
    ],
    [
      'other axes joined and swapped',
      [
        node('Concat', ['x', 'x'], ['a'], {axis: {int: 1n}}),
        node('Transpose', ['a'], ['b'], {perm: {ints: [0n, 2n, 3n, 1n]}}),
        node('Softmax', ['b'], ['c'], {axis: {int: -3n}}),
        node('MatMul', ['c', 'w'], ['y']),
      ],
      [weight('w', 8, 3)],
    ],
    [
      'normalisation of each sample by itself',
      [
        node('InstanceNormalization', ['x', 's', 't'], ['a']),
        node('LRN', ['a'], ['b'], {size: {int: 3n}}),
        node('GlobalAveragePool', ['b'], ['c']),
        node('Clip', ['c', 'low'], ['y']),
      ],
      [weight('s', 4), weight('t', 4), tensorFromValue('low', randomTensor([], 4, 0.01))],
    ],
    ['rows', [node('Gemm', ['x', 'g'], ['y'], {transB: {int: 1n}})], [weight('g', 7, 24)], [1, 24]],
  ])('%s: each sample is what it is alone', async (_, nodes, weights, input = IMAGE) => {
    const graph = await typed(nodes, weights, input);
    expect(treatsSamplesApart(graph)).toBe(true);
    const together = await runOnce({bytes: bytesFromModel(withOpenBatch(graph.model, graph))}, joined(input));
    const alone: number[] = [];
    for (let index = 0; index < SAMPLES; index += 1) {
      const {outputs} = await runOnce({bytes: bytesFromModel(graph.model)}, sampleOf(input, index));
      alone.push(...floatsOf(outputs['y']!));
    }
    const found = floatsOf(together.outputs['y']!);
    expect(found).toHaveLength(alone.length);
    for (const [at, value] of alone.entries()) expect(found[at]).toBeCloseTo(value, 5);
  });

  it.each<[string, readonly OnnxNode[], readonly OnnxTensor[], (readonly number[])?]>([
    ['are joined to one another', [node('Concat', ['x', 'x'], ['y'], {axis: {int: 0n}})], []],
    ['are joined, counted from the end', [node('Concat', ['x', 'x'], ['y'], {axis: {int: -4n}})], []],
    ['are compared', [node('Softmax', ['x'], ['y'], {axis: {int: 0n}})], []],
    ['change places with channels', [node('Transpose', ['x'], ['y'], {perm: {ints: [1n, 0n, 2n, 3n]}})], []],
    [
      'are reshaped',
      [node('Reshape', ['x', 'shape'], ['y'])],
      [tensorFromValue('shape', integers([2], [1, -1]))],
    ],
    ['are flattened with the rest', [node('Flatten', ['x'], ['y'], {axis: {int: 0n}})], []],
    ['are columns', [node('Gemm', ['x', 'g'], ['y'], {transA: {int: 1n}})], [weight('g', 1, 3)], [1, 24]],
    [
      'are multiplied with each other',
      [node('Transpose', ['x'], ['t'], {perm: {ints: [0n, 1n, 3n, 2n]}}), node('MatMul', ['x', 't'], ['y'])],
      [],
    ],
    ['are averaged', [node('ReduceMean', ['x'], ['y'])], []],
    ['are repeated by a constant', [node('Add', ['x', 'w'], ['y'])], [weight('w', 3, 4, 6, 6)]],
    ['are fixed in number at more than one', [node('Relu', ['x'], ['y'])], [], [2, 4, 6, 6]],
  ])('not where they %s', async (_, nodes, weights, input = IMAGE) => {
    expect(treatsSamplesApart(await typed(nodes, weights, input))).toBe(false);
  });
});

describe('extremes of samples that are run together', () => {
  const nodes = [node('Conv', ['x', 'w'], ['a']), node('Relu', ['a'], ['y'])];
  const weights = [weight('w', 5, 4, 3, 3)];
  const count = 150;

  function runnerOf(change: (values: Float32Array, index: number) => void): SampleRunner {
    return startSampleRunner(
      {
        requestCount: count,
        readRequest: async index => {
          const values = normalNumbers(4 * 36, index);
          change(values, index);
          return {x: {elementType: 'float32', shape: IMAGE, bytes: new Uint8Array(values.buffer)}};
        },
      },
      {temporaryFolder: tmpdir(), threads: 1},
    );
  }

  it('are those of each alone', async () => {
    const graph = await typed(nodes, weights);
    const runner = runnerOf((values, index) => {
      if (index === 77) values[3] = 40;
      if (index === 149) values[5] = -60;
    });
    const asked: number[] = [];
    const noting: SampleRunner = {
      sampleCount: runner.sampleCount,
      run: request => {
        asked.push(request.samplesPerRun ?? 1);
        return runner.run(request);
      },
    };
    const byOne: SampleRunner = {
      sampleCount: runner.sampleCount,
      run: ({samplesPerRun: _, ...request}: RunOnSamples) => runner.run(request),
    };
    const together = await measureExtremes(graph, ['x', 'a', 'y'], noting);
    expect(asked[0]).toBeGreaterThan(1);
    expect(together.get('x')).toEqual({min: -60, max: 40});
    const alone = await measureExtremes(graph, ['x', 'a', 'y'], byOne);
    for (const [name, {min, max}] of alone) {
      expect(together.get(name)!.min).toBeCloseTo(min, 4);
      expect(together.get(name)!.max).toBeCloseTo(max, 4);
    }
  });

  it('of which one is not finite: it is named', async () => {
    const graph = await typed(nodes, weights);
    const runner = runnerOf((values, index) => {
      if (index === 101) values[7] = NaN;
    });
    await expect(measureExtremes(graph, ['x', 'a', 'y'], runner)).rejects.toThrow(
      'Input "x" has NaN or infinite values on sample 101',
    );
  });
});
