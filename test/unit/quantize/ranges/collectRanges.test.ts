import {describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../../../src/documents/tensor.ts';
import {ExpectedError} from '../../../../src/errors.ts';
import {collectRanges} from '../../../../src/quantize/ranges/collectRanges.ts';
import type {OnnxNode} from '../../../../src/model/onnx/messages.ts';
import type {SampleRunner} from '../../../../src/quantize/sampleRunner.ts';
import {Network} from '../networks.ts';

const net = new Network();
const graph = net.graph([net.layer('late', 'Tanh', [net.layer('early', 'Relu', [net.input('x', [4])])])]);

type Sample = Readonly<Record<string, readonly number[]>>;

/** Hands out given values, and what the model reduces them to, instead of running it: the door to the runtime. */
function runnerOf(samples: readonly Sample[]): SampleRunner & {runs: number} {
  const runner = {
    sampleCount: samples.length,
    runs: 0,
    async run({model, tensors, from = 0, to = samples.length, visit}: Parameters<SampleRunner['run']>[0]) {
      runner.runs += 1;
      for (let sample = from; sample < to; sample += 1) {
        const values: NamedTensors = Object.fromEntries(
          tensors.map(name => {
            const numbers = numbersOf(model.graph.nodes, name, samples[sample] ?? {});
            const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
            return [name, {elementType: 'float32', shape: [numbers.length], bytes}];
          }),
        );
        visit(values, sample, 1);
      }
    },
  };
  return runner;
}

function numbersOf(nodes: readonly OnnxNode[], name: string, given: Sample): readonly number[] {
  const maker = nodes.find(({outputs}) => outputs.includes(name));
  const inputs = (maker?.inputs ?? []).map(input => () => numbersOf(nodes, input, given));
  const [first = () => []] = inputs;
  switch (maker?.operator) {
    case 'Concat':
      return inputs.flatMap(numbers => numbers());
    case 'Reshape':
      return first();
    case 'ReduceMin':
      return [Math.min(...first())];
    case 'ReduceMax':
      return [Math.max(...first())];
    case 'ReduceSum':
      return [first().reduce((sum, value) => sum + value, 0)];
    default:
      return given[name] ?? [];
  }
}

describe('ranges', () => {
  it('hold all samples', async () => {
    const runner = runnerOf([{x: [1, 2]}, {x: [-3, 0]}, {x: [5]}]);
    expect(await collectRanges(graph, ['x'], runner, 'min-max')).toEqual(new Map([['x', {min: -3, max: 5}]]));
    expect(runner.runs).toBe(1);
  });

  it('hold only the samples asked for', async () => {
    const runner = runnerOf([{x: [1, 2]}, {x: [-3, 0]}, {x: [5]}]);
    const ranges = await collectRanges(graph, ['x'], runner, 'min-max', {from: 1, to: 2});
    expect(ranges.get('x')).toEqual({min: -3, max: 0});
  });

  it('by distribution take two runs over the samples', async () => {
    const many = Array.from({length: 2000}, (_, at) => at / 1000 - 1);
    const runner = runnerOf([{x: many}, {x: [...many, 100]}]);
    const range = (await collectRanges(graph, ['x'], runner, {percentile: 99})).get('x');
    expect(runner.runs).toBe(2);
    expect(range?.max).toBeLessThan(2);
  });

  it('of a tensor without values are 0', async () => {
    expect((await collectRanges(graph, ['x'], runnerOf([{x: []}]), 'min-max')).get('x')).toEqual({
      min: 0,
      max: 0,
    });
  });

  it('of no tensors need no run', async () => {
    const runner = runnerOf([]);
    expect(await collectRanges(graph, [], runner, 'mse')).toEqual(new Map());
    expect(runner.runs).toBe(0);
  });

  it.each([NaN, Infinity, -Infinity])(
    '%d is refused with the layer it came from and the sample',
    async value => {
      const runner = runnerOf([
        {early: [1], late: [1]},
        {early: [value], late: [NaN]},
      ]);
      const failure = collectRanges(graph, ['late', 'early'], runner, 'entropy');
      await expect(failure).rejects.toThrow(ExpectedError);
      await expect(failure).rejects.toMatchObject({
        code: 'activation-not-finite',
        message: expect.stringMatching(/^Layer early \(Relu\), tensor "early", .* sample 1,/) as string,
      });
    },
  );

  it('NaN in an input is told as such', async () => {
    const failure = collectRanges(graph, ['x'], runnerOf([{x: [NaN]}]), 'min-max');
    await expect(failure).rejects.toThrow(/^Input "x" has NaN/);
  });
});
