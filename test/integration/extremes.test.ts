import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Tensor} from '../../src/documents/tensor.ts';
import {withMeasuredTypes} from '../../src/model/exposeAllTensors.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {createValueInfo} from '../../src/model/onnx/createMessages.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {measureExtremes} from '../../src/quantize/ranges/measureExtremes.ts';
import type {SampleRunner} from '../../src/quantize/sampleRunner.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {integer, integers, Network} from '../unit/quantize/networks.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';

let temporaryFolder: string;
beforeAll(async () => {
  temporaryFolder = await mkdtemp(join(tmpdir(), 'edgewise-extremes-'));
});
afterAll(() => rm(temporaryFolder, {recursive: true, force: true}));

/** One input x, whose shape may differ from sample to sample. */
function runnerOf(samples: readonly (readonly number[])[]): SampleRunner {
  const tensorOf = (numbers: readonly number[] = []): Tensor => ({
    elementType: 'float32',
    shape: [numbers.length],
    bytes: new Uint8Array(Float32Array.from(numbers).buffer),
  });
  return startSampleRunner(
    {requestCount: samples.length, readRequest: async index => ({x: tensorOf(samples[index])})},
    {temporaryFolder, threads: 1},
  );
}

/** x without its negative values, then doubled: both tensors are measured inside the graph. */
function network(opset = 17) {
  const net = new Network();
  const early = net.layer('early', 'Relu', [net.input('x', [])]);
  const late = net.layer('late', 'Mul', [early, net.floats('two', [], [2])]);
  const {graph, ...model} = net.model([late], opset);
  // Of any size.
  return graphFromModel({...model, graph: {...graph, inputs: [createValueInfo('x', 'float32', [null])]}});
}

const NAMES = ['x', 'early', 'late'];

describe('extremes reduced by the runtime', () => {
  it.each([13, 18])('are those of the values, bit by bit, in opset %d', async opset => {
    const random = seededNumbers(5);
    const samples = Array.from({length: 7}, () =>
      Array.from({length: 1001}, () => Math.fround(random() * 9 - 4)),
    );
    const all = samples.flat();
    const [min, max] = [Math.min(...all), Math.max(...all)];
    expect(await measureExtremes(network(opset), NAMES, runnerOf(samples))).toEqual(
      new Map([
        ['x', {min, max}],
        ['early', {min: 0, max}],
        ['late', {min: 0, max: 2 * max}],
      ]),
    );
  });

  it('are those of the samples that have values', async () => {
    expect((await measureExtremes(network(), NAMES, runnerOf([[], [1, 2], []]))).get('late')).toEqual({
      min: 2,
      max: 4,
    });
    expect((await measureExtremes(network(), NAMES, runnerOf([[]]))).get('late')).toEqual({min: 0, max: 0});
  });

  it('may be so large that their sum is infinite', async () => {
    const samples = [[1], [3e38, 3e38, -3e38, -3e38], [2]];
    const ranges = await measureExtremes(network(), ['x', 'early'], runnerOf(samples));
    expect(ranges.get('x')?.max).toBe(Math.fround(3e38));
  });

  it.each([
    ['NaN among numbers', [1, NaN, 2], 'Input "x" has NaN or infinite values on sample 2'],
    ['NaN alone', [NaN], 'Input "x" has NaN or infinite values on sample 2'],
    ['infinity and its opposite', [Infinity, -Infinity], 'Input "x" has NaN or infinite values on sample 2'],
    ['too much for the last layer', [3e38, 1], 'Layer late (Mul), tensor "late", has NaN or infinite'],
  ])('%s: the first layer and sample are named', async (_, broken, message) => {
    const measured = measureExtremes(network(), NAMES, runnerOf([[1], [3], broken, [NaN]]));
    await expect(measured).rejects.toMatchObject({
      code: 'activation-not-finite',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([13, 18])(
    'of parts, groups and joined tensors are those of the values too, in opset %d',
    async opset => {
      const {graph, shapes} = branches(opset);
      const names = [...shapes.keys()];
      const random = seededNumbers(9);
      const samples = Array.from({length: 3}, () =>
        Float32Array.from({length: 40_000}, () => random() - 0.4),
      );
      const runner = startSampleRunner(
        {
          requestCount: samples.length,
          readRequest: async index => ({
            x: {
              elementType: 'float32',
              shape: [1, 4, 100, 100],
              bytes: new Uint8Array(samples[index]!.slice().buffer),
            },
          }),
        },
        {temporaryFolder, threads: 2},
      );
      const expected = new Map(names.map(name => [name, {min: Infinity, max: -Infinity}]));
      await runner.run({
        model: graph.model,
        tensors: names,
        mode: 'fused',
        visit: values =>
          expected.forEach((range, name) => {
            for (const value of floatsOf(values[name]!)) {
              range.min = Math.min(range.min, value);
              range.max = Math.max(range.max, value);
            }
          }),
      });
      expect(await measureExtremes(graph, names, runner)).toEqual(expected);
    },
  );
});

/** Sizes that are divided by 8 and by 2 only, three equal small ones, and tensors that have the values of others. */
function branches(opset: number) {
  const net = new Network();
  const x = net.input('x', [1, 4, 100, 100]);
  const one = net.layer('one', 'Relu', [x]);
  const odd = net.layer('odd', 'MaxPool', [x], {kernel_shape: integers(3, 2)});
  const left = net.layer('left', 'AveragePool', [x], {kernel_shape: integers(3, 3), strides: integers(9, 9)});
  const right = net.layer('right', 'MaxPool', [one], {kernel_shape: integers(3, 3), strides: integers(9, 9)});
  const sum = net.layer('sum', 'Sub', [left, right]);
  const joined = net.layer('joined', 'Concat', [left, sum], {axis: integer(1)});
  const flat = net.layer('flat', 'Flatten', [joined]);
  const weighted = net.layer(
    'weighted',
    'Concat',
    [sum, net.floats('few', [1, 1, 11, 11], Array(121).fill(7))],
    {
      axis: integer(1),
    },
  );
  const shapes = new Map([
    [x, [1, 4, 100, 100]],
    [one, [1, 4, 100, 100]],
    [odd, [1, 4, 98, 99]],
    [left, [1, 4, 11, 11]],
    [right, [1, 4, 11, 11]],
    [sum, [1, 4, 11, 11]],
    [joined, [1, 8, 11, 11]],
    [flat, [1, 968]],
    [weighted, [1, 5, 11, 11]],
  ]);
  const types = new Map([...shapes].map(([name, shape]) => [name, {elementType: 'float32', shape} as const]));
  return {graph: withMeasuredTypes(net.graph([odd, flat, weighted], opset), types), shapes};
}
