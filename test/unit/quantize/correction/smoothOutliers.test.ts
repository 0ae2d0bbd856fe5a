import {describe, expect, it} from 'vitest';
import type {Graph} from '../../../../src/model/graph.ts';
import {graphFromModel} from '../../../../src/model/graphFromModel.ts';
import {
  keepReferenceOutputs,
  meanDecibels,
  signalToNoiseOf,
} from '../../../../src/quantize/accuracy/signalToNoise.ts';
import {measureLastAxisMagnitudes} from '../../../../src/quantize/correction/measureChannels.ts';
import {findSmoothable, smoothOutliers} from '../../../../src/quantize/correction/smoothOutliers.ts';
import {constantsOf, floatsOfTensor} from '../../../../src/quantize/floatsOfTensor.ts';
import {planQuantization, tensorsToMeasure} from '../../../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../../../src/quantize/ranges/collectRanges.ts';
import type {SampleRunner} from '../../../../src/quantize/sampleRunner.ts';
import {int, ints, NetworkBuilder} from '../pruning/networks.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {U8S8} from '../schemes.ts';
import {normalSamples} from './samples.ts';
import {TRANSFORMER_INPUT, transformerBlocks} from './transformerBlocks.ts';

const LEARNED = {from: 0, to: 8};
const HELD_OUT = {from: 8, to: 16};
const runner = normalSamples('tokens', TRANSFORMER_INPUT, HELD_OUT.to);

/** Two ways of computing one thing in float32 differ by about 2^-24 of it, 144 dB, in every layer. */
const FLOAT_ROUNDING_DECIBELS = 110;

async function smoothed(graph: Graph, alpha: number, samples: SampleRunner = runner): Promise<Graph> {
  const tensors = findSmoothable(graph).flatMap(one => one.tensors);
  const magnitudes = await measureLastAxisMagnitudes(graph, tensors, samples, LEARNED);
  return graphFromModel(smoothOutliers(graph, magnitudes, alpha));
}

async function decibels(graph: Graph, reference: Graph, samples: SampleRunner = runner): Promise<number> {
  const outputs = await keepReferenceOutputs(samples, reference.model, HELD_OUT);
  return meanDecibels(await signalToNoiseOf(samples, graph.model, outputs, 'exact'));
}

/** Of static int8, node by node, against `reference` on samples that were not learned from. */
async function quantizedDecibels(graph: Graph, reference: Graph): Promise<number> {
  const plan = planQuantization(graph, U8S8);
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max', LEARNED);
  return decibels(graphFromModel(quantizeGraph(graph, plan, U8S8, ranges)), reference);
}

describe.each([1, 2, 3])('transformer blocks with outlier channels (weights of seed %i)', seed => {
  const graph = transformerBlocks(seed);

  it.each([0.5, 0.75])('answer the same in float once smoothed with alpha %d', async alpha => {
    expect(await decibels(await smoothed(graph, alpha), graph)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
  });

  it.each([0.5, 0.75])('lose at least 3 dB less to int8 once smoothed with alpha %d', async alpha => {
    const plain = await quantizedDecibels(graph, graph);
    expect(await quantizedDecibels(await smoothed(graph, alpha), graph)).toBeGreaterThan(plain + 3);
  });
});

describe('smoothing transformer blocks', () => {
  const graph = transformerBlocks(1);
  const constant = (model: Graph, name: string): Float32Array =>
    floatsOfTensor(constantsOf(model).get(name)!);

  it('finds normalisations, values behind the attention, and what a Relu gives', () => {
    const found = findSmoothable(graph).map(({divided, multiplied}) => ({
      divided: [...divided.keys()].toSorted(),
      multiplied: [...multiplied.keys()],
    }));
    const ofBlock = (name: string) => [
      {
        divided: [`${name}.norm.bias`, `${name}.norm.scale`],
        multiplied: ['q', 'k', 'v'].map(one => `${name}.attention.${one}.weight`),
      },
      {
        divided: [`${name}.attention.v.bias`, `${name}.attention.v.weight`],
        multiplied: [`${name}.attention.out.weight`],
      },
      {divided: [`${name}.norm2.bias`, `${name}.norm2.scale`], multiplied: [`${name}.mlp.1.weight`]},
    ];
    // The GELU of block a is not homogeneous: what it gives stays as it is.
    expect(found).toEqual([
      ...ofBlock('a'),
      ...ofBlock('b'),
      {divided: ['b.mlp.1.bias', 'b.mlp.1.weight'], multiplied: ['b.mlp.2.weight']},
      {divided: ['norm.bias', 'norm.scale'], multiplied: ['head.weight']},
    ]);
  });

  it('with alpha 1 makes all channels of the activations equally large', async () => {
    const even = await smoothed(graph, 1);
    const [tensor = ''] = findSmoothable(even)[0]!.tensors;
    const channels = (await measureLastAxisMagnitudes(even, [tensor], runner, LEARNED)).get(tensor)!;
    expect(Math.max(...channels) / Math.min(...channels)).toBeCloseTo(1, 4);
  });

  it('with alpha 0 makes the weights of all channels equally large', async () => {
    const weights = constant(await smoothed(graph, 0), 'a.mlp.1.weight');
    const channels = TRANSFORMER_INPUT.at(-1)!;
    const outputs = weights.length / channels;
    const rows = Array.from({length: channels}, (_, at) => weights.slice(at * outputs, (at + 1) * outputs));
    const largest = rows.map(row => Math.max(...row.map(Math.abs)));
    expect(Math.max(...largest) / Math.min(...largest)).toBeCloseTo(1, 4);
  });

  it('leaves tensors that were not measured as they are', () => {
    const same = graphFromModel(smoothOutliers(graph, new Map(), 0.5));
    expect(constant(same, 'a.norm.scale')).toEqual(constant(graph, 'a.norm.scale'));
    expect(constant(same, 'a.mlp.1.weight')).toEqual(constant(graph, 'a.mlp.1.weight'));
  });
});

const ROWS = 6;
const WIDE = [1, ROWS, 8];

/** A normalisation, then whatever `between` puts there, which gives tensors that products read. */
class Chain extends NetworkBuilder {
  #seed = 1;

  random(shape: readonly number[], name?: string): string {
    const count = shape.reduce((all, size) => all * size, 1);
    return this.floats(shape, normalNumbers(count, (this.#seed += 1)), name);
  }

  normalized(scale = this.random([8])): string {
    const x = this.shapes.has('x') ? 'x' : this.input('x', WIDE);
    return this.layer('LayerNormalization', [x, scale, this.random([8])], WIDE);
  }

  product(x: string, outputs = 5, weight?: string): string {
    const shape = this.shapes.get(x)!;
    const operands = [x, weight ?? this.random([shape.at(-1)!, outputs])];
    return this.layer('MatMul', operands, [...shape.slice(0, -1), outputs]);
  }

  same(operator: string, inputs: readonly string[]): string {
    return this.layer(operator, inputs, this.shapes.get(inputs[0]!)!);
  }
}

function chain(between: (net: Chain, x: string) => string | string[]): Graph {
  const net = new Chain();
  return net.graph([between(net, net.normalized())].flat());
}

const halves = (net: Chain, x: string): string => {
  const split = [1, ROWS, 2, 4];
  const parts = net.layer('Reshape', [x, net.integers(split)], split);
  return net.layer('Transpose', [parts], [1, 2, ROWS, 4], {perm: ints(0, 2, 1, 3)});
};
const joined = (net: Chain, x: string): string => {
  const back = net.layer('Transpose', [x], [1, ROWS, 2, 4], {perm: ints(0, 2, 1, 3)});
  return net.layer('Reshape', [back, net.integers(WIDE)], WIDE);
};

describe('channels are scaled through', () => {
  const cases: Record<string, (net: Chain, x: string) => string | string[]> = {
    'a Gemm with its matrix either way round, and a bias of any shape': (net, x) => {
      const flat = net.layer('Reshape', [x, net.integers([ROWS, 8])], [ROWS, 8]);
      const one = net.layer('Gemm', [flat, net.random([7, 8]), net.random([1, 7])], [ROWS, 7], {
        transB: int(1),
      });
      return net.layer('Gemm', [net.same('Relu', [one]), net.random([7, 3])], [ROWS, 3]);
    },
    'LeakyRelu, Abs, Neg and a PRelu with slopes': (net, x) => {
      const one = net.same('Neg', [net.same('LeakyRelu', [x])]);
      return net.product(net.same('PRelu', [net.same('Abs', [one]), net.random([8])]));
    },
    'constants that are subtracted, multiplied and divided by': (net, x) => {
      const one = net.same('Sub', [x, net.random([1, 8])]);
      const two = net.same('Div', [one, net.floats([8], [1, 2, 3, 4, 5, 6, 7, 8])]);
      return net.product(net.same('Mul', [two, net.floats([], [3])]));
    },
    'a constant from which they are subtracted': (net, x) =>
      net.product(net.same('Sub', [net.random(WIDE), x])),
    'a gate (SwiGLU), and the product that it gates': (net, x) => {
      const gate = net.product(x, 8);
      const swish = net.same('Mul', [gate, net.same('Sigmoid', [gate])]);
      return net.product(net.same('Mul', [swish, net.product(x, 8)]));
    },
    'a gate that is read besides': (net, x) => [
      net.product(x),
      net.product(net.same('Mul', [x, net.same('Sigmoid', [net.product('x', 8)])])),
    ],
    'heads and back': (net, x) => net.product(joined(net, net.same('Relu', [halves(net, x)]))),
    'a mean of the tokens': (net, x) =>
      net.product(net.layer('ReduceMean', [x], [1, 8], {axes: ints(-2), keepdims: int(0)})),
    'a sum of the tokens that keeps its axis, and Squeeze': (net, x) => {
      const sum = net.layer('ReduceSum', [x, net.integers([1])], [1, 1, 8]);
      return net.product(net.layer('Squeeze', [sum, net.integers([1])], [1, 8]));
    },
    'the first token': (net, x) =>
      net.product(net.layer('Gather', [x, net.integers([0])], [1, 1, 8], {axis: int(1)})),
    'two products with different views of them': (net, x) => [
      net.product(x),
      net.product(net.layer('Unsqueeze', [x, net.integers([0])], [1, 1, ROWS, 8])),
    ],
    'a sum of two normalisations': (net, x) => net.product(net.same('Add', [x, net.normalized()])),
    'a constant matrix that mixes the tokens': (net, x) =>
      net.product(net.layer('MatMul', [net.random([ROWS, ROWS]), x], WIDE)),
  };

  it.each(Object.keys(cases))('%s', async name => {
    const graph = chain(cases[name]!);
    const samples = normalSamples('x', WIDE, HELD_OUT.to);
    const isMade = (name: string | undefined) => graph.tensors.get(name ?? '')?.producer !== null;
    const products = graph.layers.filter(({operator}) => operator === 'MatMul' || operator === 'Gemm');
    const read = products.flatMap(
      ({
        node: {
          inputs: [x, weight = ''],
        },
      }) => (isMade(x) && !isMade(weight) ? [weight] : []),
    );
    const found = findSmoothable(graph).flatMap(({multiplied}) => [...multiplied.keys()]);
    expect(found.toSorted()).toEqual(read.toSorted());
    const smooth = await smoothed(graph, 0.5, samples);
    expect(constantsOf(smooth)).not.toEqual(constantsOf(graph));
    expect(await decibels(smooth, graph, samples)).toBeGreaterThan(FLOAT_ROUNDING_DECIBELS);
  });
});

describe('channels are left alone where', () => {
  const cases: Record<string, (net: Chain, x: string) => string | string[]> = {
    'the sum around the block reads them too': (net, x) => net.same('Add', [net.product(x, 8), x]),
    'they are an output': (net, x) => [net.product(x), x],
    'they are an input': net => net.product('x'),
    'another layer reads the weights': (net, x) => {
      const weight = net.random([8, 5]);
      return [net.product(x, 5, weight), net.product('x', 5, weight)];
    },
    'another normalisation has the same scale': net => {
      const scale = net.random([8]);
      return [net.product(net.normalized(scale)), net.same('Sigmoid', [net.normalized(scale)])];
    },
    'a Sigmoid makes them': (net, x) => net.product(net.same('Sigmoid', [x])),
    'a Softmax reads them too': (net, x) => [net.product(x), net.same('Softmax', [x])],
    'a product of activations sums over them': (net, x) => {
      const turned = net.layer('Transpose', [x], [1, 8, ROWS], {perm: ints(0, 2, 1)});
      return [net.product(x), net.layer('MatMul', [net.same('Sigmoid', [x]), turned], [1, ROWS, ROWS])];
    },
    'they are multiplied with themselves': (net, x) => net.product(net.same('Mul', [x, x])),
    'they are multiplied with what grows with them': (net, x) =>
      net.product(net.same('Mul', [x, net.same('Relu', [x])])),
    'they are divided by': (net, x) => [net.product(x), net.same('Div', [net.random(WIDE), x])],
    'one number is added to all of them': (net, x) => net.product(net.same('Add', [x, net.floats([], [1])])),
    'only some of them are passed on': (net, x) => [
      net.product(x),
      net.layer('Slice', [x, ...[[0], [4], [2]].map(one => net.integers(one))], [1, ROWS, 4]),
    ],
    'heads are put together that have their own': net => net.product(halves(net, net.product('x', 8))),
  };

  it.each(Object.keys(cases))('%s', name => {
    const graph = chain(cases[name]!);
    expect(findSmoothable(graph)).toEqual([]);
  });
});
