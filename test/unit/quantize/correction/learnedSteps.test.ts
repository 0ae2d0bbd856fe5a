import {tmpdir} from 'node:os';
import {describe, expect, it} from 'vitest';
import type {QuantizationScheme} from '../../../../src/documents/quantizationScheme.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import type {OnnxModel} from '../../../../src/model/onnx/messages.ts';
import {floatsOf} from '../../../../src/quantize/accuracy/floatsOf.ts';
import {
  keepReferenceOutputs,
  meanDecibels,
  signalToNoiseOf,
} from '../../../../src/quantize/accuracy/signalToNoise.ts';
import {correctBiases} from '../../../../src/quantize/correction/correctBiases.ts';
import type {CorrectionTask} from '../../../../src/quantize/correction/correctionTask.ts';
import {learnRounding} from '../../../../src/quantize/correction/learnRounding.ts';
import {narrowRanges} from '../../../../src/quantize/correction/narrowRanges.ts';
import {refineRanges} from '../../../../src/quantize/correction/refineRanges.ts';
import {planQuantization, tensorsToMeasure} from '../../../../src/quantize/planQuantization.ts';
import type {CorrectedValues, TensorRange} from '../../../../src/quantize/quantizationPlan.ts';
import {quantizeGraph} from '../../../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../../../src/quantize/ranges/collectRanges.ts';
import type {SampleRunner} from '../../../../src/quantize/sampleRunner.ts';
import {startSampleRunner} from '../../../../src/workflows/sampleRuns/startSampleRunner.ts';
import {float, integer, integers, Network} from '../networks.ts';
import {int, ints, NetworkBuilder} from '../pruning/networks.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {SYMMETRIC, U8S8} from '../schemes.ts';

const IMAGE = [1, 4, 8, 8];
const LEARNED = {from: 0, to: 24};
const HELD_OUT = {from: 24, to: 36};
const NOTHING: CorrectedValues = {biases: new Map(), weights: new Map()};

/** Pictures whose neighbouring places are alike: a number is mostly the one before. */
function smoothSamples(change: (values: Float32Array, sample: number) => void = () => {}): SampleRunner {
  return startSampleRunner(
    {
      requestCount: HELD_OUT.to,
      readRequest: index => {
        const values = normalNumbers(256, index + 1);
        values.forEach((value, at) => {
          values[at] = 0.9 * (at % 64 === 0 ? 0 : values[at - 1]!) + value;
        });
        change(values, index);
        const bytes = new Uint8Array(values.buffer);
        return Promise.resolve({x: {elementType: 'float32', shape: IMAGE, bytes}});
      },
    },
    {temporaryFolder: tmpdir(), threads: 1},
  );
}

/** Convolutions, a depthwise one, a sum around them, and a Gemm with a factor on a bias that is one number. */
function convolutions(): Graph {
  const net = new NetworkBuilder();
  let seed = 0;
  const random = (shape: readonly number[], size = 0.3): string => {
    const count = shape.reduce((all, one) => all * one, 1);
    return net.floats(
      shape,
      normalNumbers(count, (seed += 1)).map(value => value * size),
    );
  };
  const pads = {pads: ints(1, 1, 1, 1)};
  const conv = (x: string, from: number, to: number, name: string): string =>
    net.layer('Conv', [x, random([to, from, 3, 3]), random([to])], [1, to, 8, 8], pads, name);
  const relu = (x: string): string => net.layer('Relu', [x], net.shapes.get(x)!);
  const first = relu(conv(net.input('x', IMAGE), 4, 8, 'first'));
  const depthwise = net.layer(
    'Conv',
    [first, random([8, 1, 3, 3])],
    [1, 8, 8, 8],
    {...pads, group: int(8)},
    'depthwise',
  );
  const sum = relu(net.layer('Add', [conv(relu(depthwise), 8, 8, 'second'), first], [1, 8, 8, 8]));
  const mean = net.layer('GlobalAveragePool', [conv(sum, 8, 8, 'last')], [1, 8, 1, 1]);
  const flat = net.layer('Flatten', [mean], [1, 8], {axis: int(1)});
  const operands = [flat, random([8, 5]), random([1])];
  return net.graph([net.layer('Gemm', operands, [1, 5], {beta: {float: 0.5}}, 'answer')]);
}

async function taskFor(
  graph: Graph,
  scheme: QuantizationScheme,
  runner: SampleRunner,
): Promise<CorrectionTask> {
  const plan = planQuantization(graph, scheme);
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max', LEARNED);
  return {graph, plan, scheme, ranges, runner, mode: 'exact', ...LEARNED};
}

/** On samples that nothing was learned from. */
async function decibels(
  {graph, plan, scheme, runner}: CorrectionTask,
  ranges: ReadonlyMap<string, TensorRange>,
  corrected: CorrectedValues,
): Promise<number> {
  const reference = await keepReferenceOutputs(runner, graph.model, HELD_OUT);
  const model = quantizeGraph(graph, plan, scheme, ranges, corrected);
  return meanDecibels(await signalToNoiseOf(runner, model, reference, 'exact'));
}

/** Mean of each channel (axis 1) of a tensor over the samples that were learned from. */
async function channelMeans(runner: SampleRunner, model: OnnxModel, tensor: string): Promise<number[]> {
  const sums: number[] = [];
  let count = 0;
  await runner.run({
    model,
    tensors: [tensor],
    mode: 'exact',
    ...LEARNED,
    visit({[tensor]: found}) {
      const channels = found!.shape[1]!;
      const numbers = floatsOf(found!);
      const inner = numbers.length / channels;
      count += inner;
      for (let at = 0; at < numbers.length; at += 1) {
        const channel = Math.floor(at / inner);
        sums[channel] = (sums[channel] ?? 0) + numbers[at]!;
      }
    },
  });
  return sums.map(sum => sum / count);
}

const WIDE_ACTIVATIONS: QuantizationScheme = {
  ...U8S8,
  activations: {elementType: 'uint16', isSymmetric: false},
};

describe('learned rounding', () => {
  it.each([
    ['a scale per channel', WIDE_ACTIVATIONS, 3],
    ['7 bits', {...WIDE_ACTIVATIONS, weights: {...U8S8.weights, bits: 7 as const}}, 3],
    ['one scale', {...WIDE_ACTIVATIONS, weights: {...U8S8.weights, isPerChannel: false}}, 0],
  ])('with %s brings a network whose weights alone are rounded nearer to float', async (_, scheme, gain) => {
    const task = await taskFor(convolutions(), scheme, smoothSamples());
    const learned = await learnRounding(task);
    // The Gemm has a factor on its bias, which no rows say.
    expect([...learned.weights.keys()]).toEqual(['first', 'depthwise', 'second', 'last']);
    const before = await decibels(task, task.ranges, NOTHING);
    expect(await decibels(task, task.ranges, learned)).toBeGreaterThan(before + gain);
  });

  it('with one scale cuts weights off that matter little, for the sake of all others', async () => {
    const net = new NetworkBuilder();
    // Input 0 is all but still; the weight that reads it is by far the largest.
    const numbers = normalNumbers(8 * 4, 3).map((value, at) => (at === 0 ? 30 : value));
    const weight = net.floats([8, 4, 1, 1], numbers);
    const graph = net.graph([net.layer('Conv', [net.input('x', IMAGE), weight], [1, 8, 8, 8], {}, 'y')]);
    const runner = smoothSamples(values =>
      values.forEach((value, at) => at < 64 && (values[at] = value / 1e3)),
    );
    const scheme = {...WIDE_ACTIVATIONS, weights: {...U8S8.weights, isPerChannel: false}};
    const task = await taskFor(graph, scheme, runner);
    const learned = await learnRounding(task);
    const {scales, values} = learned.weights.get('y')!;
    expect(scales).toHaveLength(1);
    expect(values[0]).toBe(127);
    expect(scales[0]! * 127).toBeLessThan(20);
    const before = await decibels(task, task.ranges, NOTHING);
    expect(await decibels(task, task.ranges, learned)).toBeGreaterThan(before + 3);
  });

  it('trusts few rows less than many, which other samples gain by', async () => {
    // 24 rows of 256 inputs: how they vary together is a matter of chance.
    const net = new NetworkBuilder();
    const flat = net.layer('Flatten', [net.input('x', IMAGE)], [1, 256], {axis: int(1)});
    const weight = net.floats([256, 32], normalNumbers(256 * 32, 5));
    const operands = [flat, weight, net.floats([32], new Float32Array(32))];
    const graph = net.graph([net.layer('Gemm', operands, [1, 32], {}, 'y')]);
    const task = await taskFor(graph, WIDE_ACTIVATIONS, smoothSamples());
    const before = await decibels(task, task.ranges, NOTHING);
    const gain = (await decibels(task, task.ranges, await learnRounding(task))) - before;
    // 1 dB where they are trusted like many.
    expect(gain).toBeGreaterThan(1.7);
  });

  it('reports each layer, and rounds those whose inputs are always 0', async () => {
    const net = new Network(3);
    const silent = net.layer('silent', 'Conv', [
      net.input('x', IMAGE),
      net.floats('no weights', [4, 4, 1, 1], new Array<number>(16).fill(0)),
    ]);
    const graph = net.graph([net.conv('y', net.layer('relu', 'Relu', [silent]), 4, 4)]);
    const shaped = {
      ...graph,
      tensors: new Map(
        [...graph.tensors].map(([name, tensor]) => [
          name,
          tensor.isWeight ? tensor : {...tensor, shape: IMAGE},
        ]),
      ),
    };
    const task = await taskFor(shaped, U8S8, smoothSamples());
    const reports: [number, number][] = [];
    const {weights} = await learnRounding(task, (done, all) => reports.push([done, all]));
    expect(reports).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
    ]);
    expect(Math.max(...weights.get('y')!.values.map(Math.abs))).toBeGreaterThan(100);
  });
});

describe('bias correction', () => {
  it.each([
    ['unsigned activations', U8S8],
    ['symmetric activations and float biases', SYMMETRIC],
  ])('gives every channel of every layer the mean that it has in float: %s', async (_, scheme) => {
    const task = await taskFor(convolutions(), scheme, smoothSamples());
    const {graph, plan, ranges, runner} = task;
    const corrected = await correctBiases(task, NOTHING);
    const plain = quantizeGraph(graph, plan, scheme, ranges);
    const model = quantizeGraph(graph, plan, scheme, ranges, corrected);
    expect(plan.weighted).toHaveLength(5);
    for (const {layer, ownOutput} of plan.weighted) {
      const outputIn = ({graph: {nodes}}: OnnxModel) => nodes.find(({name}) => name === layer)!.outputs[0]!;
      const wanted = await channelMeans(runner, graph.model, ownOutput);
      const differences = async (of: OnnxModel): Promise<number[]> => {
        const found = await channelMeans(runner, of, outputIn(of));
        return found.map((value, at) => Math.abs(value - wanted[at]!));
      };
      const [before, after] = [await differences(plain), await differences(model)];
      expect(Math.max(...after), layer).toBeLessThan(1e-3);
      expect(Math.max(...after), layer).toBeLessThan(Math.max(...before) / 5);
    }
  });

  it('leaves products alone whose result is rounded: a bias would stand between', async () => {
    const net = new Network(2);
    const first = net.layer('first', 'MatMul', [net.input('x', IMAGE), net.weights('a', [8, 8])]);
    const graph = net.graph([
      net.layer('last', 'MatMul', [net.layer('relu', 'Relu', [first]), net.weights('b', [8, 8])]),
    ]);
    const task = await taskFor(graph, U8S8, smoothSamples());
    const {biases} = await correctBiases(task, NOTHING);
    expect([...biases.keys()]).toEqual(['last']);
  });

  it('counts every layer', async () => {
    const reports: [number, number][] = [];
    const task = await taskFor(convolutions(), U8S8, smoothSamples());
    await correctBiases(task, NOTHING, (done, all) => reports.push([done, all]));
    expect(reports.map(([, all]) => all)).toEqual([5, 5, 5, 5, 5]);
    expect(reports.at(-1)).toEqual([5, 5]);
  });
});

/** Channel 3 of x has values 40 times as large at a few places. */
function withOutliers(): SampleRunner {
  return smoothSamples(values => {
    for (let at = 192; at < 256; at += 16) values[at] = 40 * values[at]!;
  });
}

/** A convolution of x that does not read this channel; −1: that reads all. */
function deafTo(channel: number): Graph {
  const net = new Network(4);
  const numbers = normalNumbers(8 * 4, 3).map((value, at) => (at % 4 === channel ? 0 : value));
  const weight = net.floats('w', [8, 4, 1, 1], [...numbers]);
  return net.graph([net.layer('y', 'Conv', [net.input('x', IMAGE), weight])]);
}

describe('refined ranges', () => {
  it('leave outliers out that no weight reads, which makes the rest finer', async () => {
    const task = await taskFor(deafTo(3), U8S8, withOutliers());
    const ranges = await refineRanges(task, 1);
    const [before, after] = [task.ranges.get('x')!, ranges.get('x')!];
    expect(after.max).toBeLessThan(before.max / 2);
    expect(after.min).toBeGreaterThan(before.min / 2);
    const gain = (await decibels(task, ranges, NOTHING)) - (await decibels(task, task.ranges, NOTHING));
    expect(gain).toBeGreaterThan(3);
  });

  it('are as wide as before where the weights read the outliers', async () => {
    const task = await taskFor(deafTo(-1), U8S8, withOutliers());
    const ranges = await refineRanges(task, 1);
    expect(ranges.get('x')).toEqual(task.ranges.get('x'));
  });

  it('have both ends alike in a symmetric scheme', async () => {
    const task = await taskFor(deafTo(3), SYMMETRIC, withOutliers());
    const [before, after] = [task.ranges.get('x')!, (await refineRanges(task, 1)).get('x')!];
    expect(after.max).toBeLessThan(before.max);
    expect(after.max / before.max).toBeCloseTo(after.min / before.min, 6);
  });

  it('are found for activations of 16 bits too, which operators of opset 13 do not have', async () => {
    const task = await taskFor(deafTo(3), WIDE_ACTIVATIONS, withOutliers());
    const [before, after] = [task.ranges.get('x')!, (await refineRanges(task, 1)).get('x')!];
    expect(after.max).toBeLessThan(before.max);
    expect(after.min).toBeGreaterThan(before.min);
  });

  it.each([
    ['U8S8', U8S8],
    ['symmetric', SYMMETRIC],
  ])('are never wider, and one for all tensors that share a scale (%s)', async (_, scheme) => {
    const net = new Network(6);
    const relu = net.layer('relu', 'Relu', [net.conv('a', net.input('x', IMAGE), 4, 4)]);
    const pool = net.layer('pool', 'MaxPool', [relu], {
      kernel_shape: integers(3, 3),
      pads: integers(1, 1, 1, 1),
    });
    const both = net.layer('both', 'Concat', [pool, net.conv('b', relu, 4, 4)], {axis: integer(1)});
    const bent = net.layer('bent', 'LeakyRelu', [net.conv('c', both, 8, 4)], {alpha: float(0.1)});
    const task = await taskFor(net.graph([net.conv('d', bent, 4, 4)]), scheme, withOutliers());
    const ranges = await refineRanges(task, 2);
    expect([...ranges.keys()]).toEqual([...task.ranges.keys()]);
    const groups = new Map<number, TensorRange>();
    const widest = new Map<number, TensorRange>();
    for (const [tensor, {group}] of task.plan.activations) {
      const before = task.ranges.get(tensor)!;
      const other = widest.get(group) ?? before;
      widest.set(group, {min: Math.min(other.min, before.min), max: Math.max(other.max, before.max)});
    }
    for (const [tensor, {group}] of task.plan.activations) {
      const [found, most] = [ranges.get(tensor)!, widest.get(group)!];
      expect(found.min).toBeGreaterThanOrEqual(most.min);
      expect(found.max).toBeLessThanOrEqual(most.max);
      expect(found).toEqual(groups.get(group) ?? found);
      groups.set(group, found);
    }
    expect(groups.size).toBeLessThan(task.plan.activations.size);
  });
});

describe('narrowed ranges', () => {
  const narrowed = (task: CorrectionTask): Promise<Map<string, TensorRange>> =>
    narrowRanges({...task, heldOutTo: HELD_OUT.to, ends: task.graph.outputs});

  it('leave outliers out that never reach the outputs', async () => {
    const task = await taskFor(deafTo(3), U8S8, withOutliers());
    const ranges = await narrowed(task);
    const [before, after] = [task.ranges.get('x')!, ranges.get('x')!];
    expect(after.max).toBeLessThan(0.7 * before.max);
    expect(after.min).toBeGreaterThan(0.7 * before.min);
    const gain = (await decibels(task, ranges, NOTHING)) - (await decibels(task, task.ranges, NOTHING));
    expect(gain).toBeGreaterThan(2);
  });

  it('are as wide as before where the outputs need what would be cut off', async () => {
    const task = await taskFor(deafTo(-1), U8S8, withOutliers());
    expect(await narrowed(task)).toEqual(task.ranges);
  });

  it.each([
    ['are narrower where nothing fills them', 1],
    ['are as wide as before where samples held out do', 5],
  ])('%s', async (_, factor) => {
    const runner = smoothSamples((values, sample) => {
      const isHeldOut = sample >= HELD_OUT.from;
      values.forEach((value, at) => at % 8 === 0 && isHeldOut && (values[at] = factor * value));
    });
    const task = await taskFor(deafTo(-1), U8S8, runner);
    const ranges = new Map([...task.ranges, ['x', {min: -25, max: 25}]] as const);
    const found = await narrowed({...task, ranges});
    if (factor === 1) expect(found.get('x')!.max).toBeLessThan(20);
    else expect(found.get('x')).toEqual({min: -25, max: 25});
  });

  it('leave the lower end out that a Relu behind the sum cuts off anyway', async () => {
    const net = new NetworkBuilder();
    const pads = {pads: ints(1, 1, 1, 1)};
    const x = net.input('x', IMAGE);
    const skip = net.layer('Relu', [x], IMAGE);
    const weight = net.floats(
      [4, 4, 3, 3],
      normalNumbers(144, 8).map(value => 0.1 * value),
    );
    const bias = net.floats([4], Float32Array.of(0, 0, 0, -40));
    const branch = net.layer('Conv', [x, weight, bias], IMAGE, pads, 'branch');
    const sum = net.layer('Relu', [net.layer('Add', [branch, skip], IMAGE, {}, 'sum')], IMAGE);
    const last = net.floats(
      [4, 4, 3, 3],
      normalNumbers(144, 9).map(value => 0.1 * value),
    );
    const task = await taskFor(
      net.graph([net.layer('Conv', [sum, last], IMAGE, pads, 'last')]),
      U8S8,
      smoothSamples(),
    );
    const [before, after] = [task.ranges.get('branch_out')!, (await narrowed(task)).get('branch_out')!];
    expect(before.min).toBeLessThan(-30);
    expect(after.min).toBeGreaterThan(0.5 * before.min);
    expect(after.max).toBe(before.max);
  });
});
