import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {
  keepReferenceOutputs,
  meanDecibels,
  signalToNoiseOf,
} from '../../../../src/quantize/accuracy/signalToNoise.ts';
import {balanceWeights} from '../../../../src/quantize/correction/balanceWeights.ts';
import {findChannelClasses} from '../../../../src/quantize/correction/channelClasses.ts';
import {equalizeActivations, scaleChannels} from '../../../../src/quantize/correction/equalizeChannels.ts';
import {measureChannels} from '../../../../src/quantize/correction/measureChannels.ts';
import {constantsOf, floatsOfTensor} from '../../../../src/quantize/floatsOfTensor.ts';
import {planQuantization, tensorsToMeasure} from '../../../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../../../src/quantize/ranges/collectRanges.ts';
import {int, ints, NetworkBuilder} from '../pruning/networks.ts';
import {randomNetwork} from '../pruning/randomNetwork.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {seededNumbers} from '../../../../src/documents/seededNumbers.ts';
import {U8S8} from '../schemes.ts';
import {normalSamples} from './samples.ts';

const IMAGE = [1, 4, 6, 6];
const SAMPLES = {from: 0, to: 4};
/** Two ways of computing one thing in float32 differ by about 2^-24 of it, 144 dB, in every layer. */
const FLOAT_ROUNDING_DECIBELS = 100;

/** Convolutional networks, written layer by layer. */
class Pictures extends NetworkBuilder {
  #seed = 1;

  picture(): string {
    return this.shapes.has('x') ? 'x' : this.input('x', IMAGE);
  }

  random(shape: readonly number[], name?: string): string {
    const count = shape.reduce((all, size) => all * size, 1);
    return this.floats(
      shape,
      normalNumbers(count, (this.#seed += 1)).map(value => value / 2),
      name,
    );
  }

  conv(x: string, outputs: number, name: string, groups = 1): string {
    const [, inputs = 0, ...size] = this.shapes.get(x)!;
    const weight = this.random([outputs, inputs / groups, 3, 3], `${name}.weight`);
    const operands = [x, weight, this.random([outputs], `${name}.bias`)];
    const attributes = {pads: ints(1, 1, 1, 1), group: int(groups)};
    return this.layer('Conv', operands, [1, outputs, ...size], attributes, name);
  }

  same(operator: string, inputs: readonly string[], attributes = {}): string {
    return this.layer(operator, inputs, this.shapes.get(inputs[0]!)!, attributes);
  }

  gemm(x: string, outputs: number, bias: readonly number[], transB: 0 | 1): string {
    const [, inputs = 0] = this.shapes.get(x)!;
    const weight = this.random(transB === 1 ? [outputs, inputs] : [inputs, outputs]);
    return this.layer('Gemm', [x, weight, this.random(bias)], [1, outputs], {transB: int(transB)});
  }
}

function pictures(between: (net: Pictures, x: string) => string | string[]): Graph {
  const net = new Pictures();
  return net.graph([between(net, net.same('Relu', [net.conv(net.picture(), 4, 'a')]))].flat());
}

/** Every class that may be scaled, by factors from 1/8 to 8. */
function scaled(graph: Graph, seed: number): Graph {
  const next = seededNumbers(seed);
  const classes = findChannelClasses(graph);
  const factors = Float64Array.from({length: classes.classCount}, (_, one) => {
    const factor = 8 ** (2 * next() - 1);
    return classes.isFixed(one) ? 1 : factor;
  });
  return graphFromModel(scaleChannels(graph, classes, factors));
}

async function decibels(graph: Graph, reference: Graph): Promise<number> {
  const shape = graph.tensors.get(graph.inputs[0]!)!.shape!;
  const runner = normalSamples(graph.inputs[0]!, shape, SAMPLES.to);
  const outputs = await keepReferenceOutputs(runner, reference.model, SAMPLES);
  return meanDecibels(await signalToNoiseOf(runner, graph.model, outputs, 'exact'));
}

/** How many channels of the tensor may be scaled. */
function freeChannels(graph: Graph, tensor: string): number {
  const {ofTensor, isFixed} = findChannelClasses(graph);
  return (ofTensor.get(tensor) ?? new Int32Array()).filter(one => !isFixed(one)).length;
}

describe('channels are scaled through', () => {
  const cases: Record<string, (net: Pictures, x: string) => string | string[]> = {
    'one convolution after another': (net, x) => net.conv(x, 3, 'b'),
    'pools and activations': (net, x) => {
      const window = {kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1)};
      const pooled = net.same('MaxPool', [net.same('AveragePool', [x], window)], window);
      const bent = net.same('PRelu', [net.same('LeakyRelu', [pooled]), net.random([4, 1, 1])]);
      return net.conv(net.same('Dropout', [net.same('Abs', [bent])]), 3, 'b');
    },
    'a depthwise convolution': (net, x) => net.conv(net.conv(x, 4, 'depthwise', 4), 3, 'b'),
    'a convolution of two groups': (net, x) => net.conv(net.conv(x, 6, 'grouped', 2), 3, 'b'),
    'the sum around a block': (net, x) => {
      const inner = net.same('Relu', [net.conv(x, 6, 'b')]);
      return net.conv(net.same('Add', [net.conv(inner, 4, 'c'), x]), 3, 'd');
    },
    'a constant that is added to each': (net, x) =>
      net.conv(net.same('Add', [x, net.random([4, 1, 1])]), 3, 'b'),
    'a Concat': (net, x) => {
      const both = net.layer('Concat', [x, net.conv(x, 3, 'b')], [1, 7, 6, 6], {axis: int(1)});
      return net.conv(both, 3, 'c');
    },
    'a Pad with channels of zeros, and a sum': (net, x) => {
      const padded = net.layer('Pad', [x, net.integers([0, 1, 0, 0, 0, 1, 0, 0])], [1, 6, 6, 6]);
      return net.conv(net.same('Add', [padded, net.conv(x, 6, 'b')]), 3, 'c');
    },
    'a Pad that repeats the border': (net, x) => {
      const mode = {mode: {string: new TextEncoder().encode('edge')}};
      const padded = net.layer('Pad', [x, net.integers([0, 0, 1, 1, 0, 0, 1, 1])], [1, 4, 8, 8], mode);
      return net.conv(padded, 3, 'b');
    },
    'a Slice of some': (net, x) => {
      const [starts, ends, axes] = [[-3], [2 ** 31], [1]].map(list => net.integers(list));
      return net.conv(net.layer('Slice', [x, starts!, ends!, axes!], [1, 3, 6, 6]), 3, 'b');
    },
    'a Slice of every second row': (net, x) => {
      const lists = [[0], [2 ** 31], [2], [2]].map(list => net.integers(list));
      return net.conv(net.layer('Slice', [x, ...lists], [1, 4, 3, 6]), 3, 'b');
    },
    'a Flatten before a Gemm': (net, x) =>
      net.gemm(net.layer('Flatten', [x], [1, 144], {axis: int(1)}), 3, [3], 1),
    'Gemms with biases of any shape': (net, x) => {
      const mean = net.layer('GlobalAveragePool', [x], [1, 4, 1, 1]);
      const flat = net.layer('Reshape', [mean, net.integers([1, 4])], [1, 4]);
      return net.gemm(net.same('Relu', [net.gemm(flat, 5, [1, 5], 0)]), 3, [1], 0);
    },
  };

  it.each(Object.keys(cases))('%s', async name => {
    const graph = pictures(cases[name]!);
    expect(freeChannels(graph, 'a_out')).toBe(4);
    expect(await decibels(scaled(graph, 1), graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
  });

  it('whatever a network is made of', async () => {
    const choices = fc.array(fc.nat(1000), {minLength: 10, maxLength: 30});
    await fc.assert(
      fc.asyncProperty(choices, fc.integer({min: 1, max: 1000}), async (list, seed) => {
        const graph = randomNetwork(list, seed);
        expect(await decibels(scaled(graph, seed), graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS - 20);
      }),
      {numRuns: 40},
    );
  });
});

describe('weights are balanced for one scale per layer', () => {
  /** Largest weight of each channel as a share of its layer's largest. */
  function shares(graph: Graph, weight: string, channelAxis: 0 | 1): number[] {
    const values = floatsOfTensor(constantsOf(graph).get(weight)!);
    const [outputs = 0, inputs = 0] = graph.tensors.get(weight)!.shape!;
    const largest = new Float64Array(channelAxis === 0 ? outputs : inputs);
    values.forEach((value, at) => {
      const column = Math.floor(at / 9);
      const channel = channelAxis === 0 ? Math.floor(column / inputs) : column % inputs;
      largest[channel] = Math.max(largest[channel]!, Math.abs(value));
    });
    return [...largest].map(value => value / Math.max(...largest));
  }

  it('each channel takes as much of the range before as behind, however it was scaled', async () => {
    const graph = pictures((net, x) => net.conv(net.same('Relu', [x]), 3, 'b'));
    const balanced = graphFromModel(balanceWeights(scaled(graph, 7)));
    const before = shares(balanced, 'a.weight', 0);
    shares(balanced, 'b.weight', 1).forEach((share, channel) =>
      expect(share / before[channel]!).toBeCloseTo(1, 3),
    );
    expect(await decibels(balanced, graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
  });

  it('whatever a network is made of, it computes the same', async () => {
    const choices = fc.array(fc.nat(1000), {minLength: 10, maxLength: 30});
    await fc.assert(
      fc.asyncProperty(choices, fc.integer({min: 1, max: 1000}), async (list, seed) => {
        const graph = randomNetwork(list, seed);
        const balanced = graphFromModel(balanceWeights(graph));
        expect(await decibels(balanced, graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS - 20);
      }),
      {numRuns: 20},
    );
  });
});

describe('channels keep their size where', () => {
  const cases: Record<string, (net: Pictures, x: string) => string | string[]> = {
    'a Sigmoid reads them': (net, x) => [net.conv(x, 3, 'b'), net.same('Sigmoid', [x])],
    'a Clip ends at 6': (net, x) =>
      net.conv(net.same('Clip', [x, net.floats([], [0]), net.floats([], [6])]), 3, 'b'),
    'they are an output': (net, x) => [net.conv(x, 3, 'b'), x],
    'another layer has the same weights': (net, x) => {
      const weight = net.random([4, 4, 3, 3]);
      const pads = {pads: ints(1, 1, 1, 1)};
      return net.same('Conv', [net.same('Conv', [x, weight], pads), weight], pads);
    },
    'a constant is added place by place': (net, x) =>
      net.conv(net.same('Add', [x, net.random([4, 6, 6])]), 3, 'b'),
    'one number is added to all': (net, x) => net.conv(net.same('Add', [x, net.random([1])]), 3, 'b'),
    'channels of ones are put before': (net, x) => {
      const pads = net.integers([0, 1, 0, 0, 0, 0, 0, 0]);
      return net.conv(net.layer('Pad', [x, pads, net.floats([], [1])], [1, 5, 6, 6]), 3, 'b');
    },
  };

  it.each(Object.keys(cases))('%s', name => {
    const graph = pictures(cases[name]!);
    expect(freeChannels(graph, 'a_out')).toBe(0);
  });

  it('the model is given them', () => {
    const graph = pictures((net, x) => net.conv(x, 3, 'b'));
    expect(freeChannels(graph, 'x')).toBe(0);
  });

  it('they are added to channels along another axis', async () => {
    const net = new Pictures();
    const x = net.input('x', [1, 4, 4, 6]);
    const line = net.layer('Reshape', [x, net.integers([1, 4, 24])], [1, 4, 24]);
    // Four channels of six places, which fall onto the rows of the picture.
    const rows = net.layer('Conv', [line, net.random([4, 4, 19])], [1, 4, 6], {}, 'rows');
    const graph = net.graph([net.conv(net.same('Add', [net.conv(x, 4, 'a'), rows]), 3, 'b')]);
    expect([freeChannels(graph, 'a_out'), freeChannels(graph, 'rows_out')]).toEqual([0, 0]);
    expect(await decibels(scaled(graph, 1), graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
  });

  it('a Gemm multiplies with the constant that it adds', () => {
    const graph = pictures((net, x) => {
      const mean = net.layer('GlobalAveragePool', [net.conv(x, 1, 'b')], [1, 1, 1, 1]);
      const both = net.random([1, 5]);
      const flat = net.layer('Flatten', [mean], [1, 1], {axis: int(1)});
      return net.gemm(net.layer('Gemm', [flat, both, both], [1, 5], {}, 'hidden'), 3, [3], 0);
    });
    expect(freeChannels(graph, 'hidden_out')).toBe(0);
  });

  it('a Gemm adds one number to all of its outputs', async () => {
    const graph = pictures((net, x) => {
      const flat = net.layer('Flatten', [x], [1, 144], {axis: int(1)});
      return net.gemm(net.same('Relu', [net.gemm(flat, 5, [1], 0)]), 3, [3], 0);
    });
    const [hidden = ''] = graph.layers.find(({operator}) => operator === 'Gemm')!.outputs;
    expect(freeChannels(graph, hidden)).toBe(0);
    expect(await decibels(scaled(graph, 1), graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
  });
});

describe('a network with channels of very different size, equalised', () => {
  /** Each channel of `a` a different size, which `b` takes back. */
  const graph = scaled(
    pictures((net, x) => net.conv(net.same('Relu', [net.conv(x, 8, 'b')]), 3, 'c')),
    5,
  );
  const plan = planQuantization(graph, U8S8);
  const runner = normalSamples('x', IMAGE, 8);
  const span = {from: 0, to: 8};

  const spread = async (of: Graph): Promise<number> => {
    const magnitudes = await measureChannels(of, plan, runner, span);
    const ratios = [...magnitudes.values()].map(one => Math.log(Math.max(...one) / Math.min(...one)));
    return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  };
  const quantized = async (of: Graph): Promise<number> => {
    const ranges = await collectRanges(of, tensorsToMeasure(plan), runner, 'min-max', span);
    return decibels(graphFromModel(quantizeGraph(of, plan, U8S8, ranges)), graph);
  };

  it('computes the same, with channels of more equal size, and loses less to int8', async () => {
    const magnitudes = await measureChannels(graph, plan, runner, span);
    const even = graphFromModel(equalizeActivations(graph, magnitudes, 1));
    expect(await decibels(even, graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
    expect(await spread(even)).toBeLessThan((await spread(graph)) / 2);
    expect(await quantized(even)).toBeGreaterThan((await quantized(graph)) + 2);
  });

  it('keeps the headroom it is asked for: no channel becomes as loud as the loudest', async () => {
    const magnitudes = await measureChannels(graph, plan, runner, span);
    const even = graphFromModel(equalizeActivations(graph, magnitudes, 2));
    for (const [tensor, channels] of await measureChannels(even, plan, runner, span)) {
      const before = magnitudes.get(tensor)!;
      const loudest = Math.max(...before);
      channels.forEach((value, at) => {
        if (value > before[at]! * 1.001) expect(value).toBeLessThanOrEqual(loudest * 0.501);
      });
    }
  });
});
