import {describe, expect, it} from 'vitest';
import type {QuantizationScheme} from '../../../src/documents/quantizationScheme.ts';
import type {Graph} from '../../../src/model/graph.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {planQuantization, tensorsToMeasure} from '../../../src/quantize/planQuantization.ts';
import type {FloatReason, QuantizationPlan} from '../../../src/quantize/quantizationPlan.ts';
import {integer, integers, Network, text} from './networks.ts';
import {SYMMETRIC, U8S8} from './schemes.ts';

const IMAGE = [1, 4, 8, 8];

function reasonsOf(plan: QuantizationPlan): Record<string, FloatReason> {
  return Object.fromEntries(plan.floatLayers.map(({layer, reason}) => [layer, reason]));
}

function groupOf(plan: QuantizationPlan, tensor: string): number | undefined {
  return plan.activations.get(tensor)?.group;
}

/** A convolution before and after what `build` adds, which gives the name of its result. */
function between(build: (net: Network, input: string) => string): Graph {
  const net = new Network();
  const before = net.conv('before', net.input('x', IMAGE), 4, 4);
  net.conv('after', build(net, before), 4, 4);
  return net.graph(['after']);
}

describe('every layer', () => {
  it('is quantised, absorbed or float with a reason, and is so once', () => {
    const net = new Network();
    const x = net.conv('a', net.input('x', IMAGE), 4, 4);
    const relu = net.layer('relu', 'Relu', [x]);
    const odd = net.layer('odd', 'Tanh', [net.conv('b', relu, 4, 4)]);
    const graph = net.graph([net.layer('soft', 'Softmax', [net.conv('c', odd, 4, 4)])]);
    const plan = planQuantization(graph, U8S8);
    const all = [...plan.quantizedLayers, ...plan.absorbed, ...plan.floatLayers.map(({layer}) => layer)];
    expect(all.toSorted()).toEqual(graph.layers.map(({name}) => name).toSorted());
    expect(reasonsOf(plan)).toEqual({odd: 'no-kernel', soft: 'decode-tail'});
  });
});

/** Two products; what is between them, and the second one in float. */
function perceptron(activation: 'Relu' | 'Tanh' | null): QuantizationPlan {
  const net = new Network();
  const first = net.layer('first', 'Gemm', [net.input('x', [1, 16]), net.weights('v', [16, 8])]);
  const between = activation === null ? first : net.layer('between', activation, [first]);
  const last = net.layer('last', 'Gemm', [between, net.weights('w', [8, 4])]);
  return planQuantization(net.graph([last]), U8S8, new Map([['last', 'accuracy']]));
}

describe('a product that only float layers read', () => {
  it('gives float', () => {
    expect([...perceptron(null).activations.keys()]).toEqual(['x']);
  });

  it('is rounded behind a Relu, with which the runtime would fuse it in float', () => {
    expect([...perceptron('Relu').activations.keys()]).toEqual(['x', 'between']);
  });

  it('is rounded before another activation that the runtime would fuse with it', () => {
    expect([...perceptron('Tanh').activations.keys()]).toEqual(['x', 'first']);
  });
});

describe('weighted layers', () => {
  it('tell operands, channel axis and result', () => {
    const net = new Network();
    const gemm = net.layer(
      'gemm',
      'Gemm',
      [
        net.layer('flat', 'Flatten', [
          net.layer('relu', 'Relu', [net.conv('conv', net.input('x', IMAGE), 4, 4)]),
        ]),
        net.weights('w', [10, 256]),
        net.weights('c', [10]),
      ],
      {transB: integer(1)},
    );
    const {weighted} = planQuantization(net.graph([gemm]), U8S8);
    expect(weighted).toEqual([
      {
        layer: 'conv',
        input: 'x',
        weight: 'conv_w',
        bias: 'conv_b',
        output: 'relu',
        ownOutput: 'conv',
        channelAxis: 0,
      },
      {
        layer: 'gemm',
        input: 'flat',
        weight: 'w',
        bias: 'c',
        output: 'gemm',
        ownOutput: 'gemm',
        channelAxis: 0,
      },
    ]);
  });

  it.each([
    ['Gemm', [256, 10], [10], {}, 1],
    ['Gemm', [10, 256], [10], {transB: integer(1)}, 0],
    ['Gemm', [256, 10], [1, 10], {}, 1],
    ['Gemm', [256, 10], [], {}, 1],
    ['MatMul', [256, 10], null, {}, 1],
    ['MatMul', [3, 256, 10], null, {}, 2],
  ] as const)(
    '%s with weights %j has its channels on axis %i',
    (operator, weights, bias, attributes, axis) => {
      const net = new Network();
      const inputs = [net.input('x', [1, 256]), net.weights('w', weights)];
      if (bias !== null) inputs.push(net.weights('b', bias));
      const plan = planQuantization(net.graph([net.layer('y', operator, inputs, attributes)]), U8S8);
      expect(plan.weighted.map(({channelAxis}) => channelAxis)).toEqual([axis]);
    },
  );

  it('ConvTranspose has its channels on axis 1', () => {
    const net = new Network();
    const y = net.layer('y', 'ConvTranspose', [net.input('x', IMAGE), net.weights('w', [4, 6, 2, 2])]);
    expect(planQuantization(net.graph([y]), SYMMETRIC).weighted[0]?.channelAxis).toBe(1);
  });

  it.each([
    [
      'weights that are computed',
      'weights-not-constant',
      (net: Network) => [net.input('x', IMAGE), net.layer('w', 'Tanh', [net.weights('v', [4, 4, 1, 1])])],
    ],
    [
      'a bias that is computed',
      'weights-not-constant',
      (net: Network) => [
        net.input('x', IMAGE),
        net.weights('w', [4, 4, 1, 1]),
        net.layer('b', 'Tanh', [net.weights('v', [4])]),
      ],
    ],
    [
      'a constant input',
      'no-kernel',
      (net: Network) => [net.weights('x', IMAGE), net.weights('w', [4, 4, 1, 1])],
    ],
    [
      'another type',
      'not-float32',
      (net: Network) => [net.input('x', IMAGE, 'float16'), net.input('w', [4, 4, 1, 1], 'float16')],
    ],
  ] as const)('with %s stay in float', (_, reason, inputs) => {
    const net = new Network();
    const y = net.layer('y', 'Conv', inputs(net));
    const model = net.model([y]);
    const type = reason === 'not-float32' ? 10 : 1;
    const outputs = model.graph.outputs.map(info => ({
      ...info,
      type: {...info.type!, tensor: {...info.type!.tensor!, elementTypeCode: type}},
    }));
    const graph = graphFromModel({...model, graph: {...model.graph, outputs}});
    expect(reasonsOf(planQuantization(graph, U8S8))['y']).toBe(reason);
  });

  it('that are only matrix times vector stay in float where the target wants it', () => {
    const net = new Network();
    const y = net.layer('y', 'MatMul', [net.input('x', [1, 16]), net.weights('w', [16, 1])]);
    expect(reasonsOf(planQuantization(net.graph([y]), SYMMETRIC))).toEqual({y: 'too-small'});
    expect(planQuantization(net.graph([y]), U8S8).quantizedLayers).toEqual(['y']);
  });

  it('that are asked to stay in float do, with the reason that was given', () => {
    const graph = between((_, x) => x);
    const plan = planQuantization(graph, U8S8, new Map([['before', 'accuracy']]));
    expect(reasonsOf(plan)).toEqual({before: 'accuracy'});
    expect(plan.quantizedLayers).toEqual(['after']);
    expect(tensorsToMeasure(plan)).toEqual(['before', 'after']);
  });

  it('hand out float to float layers where their kernel can', () => {
    const net = new Network();
    const y = net.layer('y', 'MatMul', [net.input('x', [1, 16]), net.weights('w', [16, 4])]);
    expect(tensorsToMeasure(planQuantization(net.graph([y]), U8S8))).toEqual(['x']);
    const conv = between((_, x) => x);
    expect(tensorsToMeasure(planQuantization(conv, U8S8))).toEqual(['x', 'before', 'after']);
    expect(tensorsToMeasure(planQuantization(conv, SYMMETRIC))).toEqual(['x', 'before']);
  });

  it('keep a Relu after a result that leaves in float', () => {
    const net = new Network();
    const y = net.layer('y', 'MatMul', [net.input('x', [1, 16]), net.weights('w', [16, 4])]);
    const plan = planQuantization(net.graph([net.layer('relu', 'Relu', [y])]), U8S8);
    expect(plan.absorbed.size).toBe(0);
    expect(plan.weighted[0]?.output).toBe('y');
    expect(reasonsOf(plan)).toEqual({relu: 'decode-tail'});
  });
});

describe('a Relu or Clip', () => {
  const clip = (net: Network, input: string, min: number, max: number): string =>
    net.layer('clip', 'Clip', [input, net.floats('min', [], [min]), net.floats('max', [], [max])]);

  it('disappears into the layer before', () => {
    const plan = planQuantization(
      between((net, x) => net.layer('relu', 'Relu', [x])),
      U8S8,
    );
    expect([...plan.absorbed]).toEqual(['relu']);
    expect(tensorsToMeasure(plan)).toEqual(['x', 'relu', 'after']);
  });

  it.each([
    ['from 0 to 6', 0, 6, true],
    ['from −1 to 1', -1, 1, true],
    ['from 1 to 6, which no zero point expresses', 1, 6, false],
  ])('%s: absorbed %#', (_, min, max, isAbsorbed) => {
    const plan = planQuantization(
      between((net, x) => clip(net, x, min, max)),
      U8S8,
    );
    expect(plan.absorbed.has('clip')).toBe(isAbsorbed);
  });

  it('stays when somebody else reads the layer before', () => {
    const graph = between((net, x) => net.layer('sum', 'Add', [net.layer('relu', 'Relu', [x]), x]));
    expect(planQuantization(graph, U8S8).absorbed.size).toBe(0);
  });

  it('stays when the result of the layer before is an output', () => {
    const net = new Network();
    const y = net.conv('y', net.input('x', IMAGE), 4, 4);
    net.conv('z', net.layer('relu', 'Relu', [y]), 4, 4);
    expect(planQuantization(net.graph(['z', 'y']), U8S8).absorbed.size).toBe(0);
  });

  it('stays with symmetric activations, which do not end at 0; where results may stay in float it goes before their rounding', () => {
    const graph = between((net, x) => net.layer('relu', 'Relu', [x]));
    const plan = planQuantization(graph, SYMMETRIC);
    expect(plan.absorbed.size).toBe(0);
    expect(plan.quantizedLayers).toEqual(['before', 'relu', 'after']);
    expect(tensorsToMeasure(plan)).toEqual(['x', 'relu']);
    const rounding = {...SYMMETRIC, leavesWeightedOutputs: false};
    expect(reasonsOf(planQuantization(graph, rounding))).toEqual({relu: 'no-kernel'});
  });

  it('after a float layer is one itself', () => {
    const net = new Network();
    net.conv('y', net.layer('relu', 'Relu', [net.input('x', IMAGE)]), 4, 4);
    expect(reasonsOf(planQuantization(net.graph(['y']), U8S8))).toEqual({relu: 'input-in-float'});
  });
});

describe('scales are shared', () => {
  it('through shape operators and pooling', () => {
    const graph = between((net, x) =>
      net.layer('pool', 'MaxPool', [net.layer('turn', 'Transpose', [x], {perm: integers(0, 1, 3, 2)})], {
        kernel_shape: integers(1, 1),
      }),
    );
    const plan = planQuantization(graph, U8S8);
    expect(groupOf(plan, 'turn')).toBe(groupOf(plan, 'before'));
    expect(groupOf(plan, 'pool')).toBe(groupOf(plan, 'before'));
    expect(groupOf(plan, 'after')).not.toBe(groupOf(plan, 'before'));
  });

  it('by all parts of a Split', () => {
    const graph = between((net, x) => {
      const first = net.layer('half', 'Split', [x], {axis: integer(1)}, ['other']);
      return net.layer('both', 'Concat', [first, 'other'], {axis: integer(1)});
    });
    const plan = planQuantization(graph, U8S8);
    expect(groupOf(plan, 'half')).toBe(groupOf(plan, 'other'));
    expect(groupOf(plan, 'both')).not.toBe(groupOf(plan, 'half'));
  });

  it('by everything that meets in Concats, where the kernel wants that', () => {
    const graph = between((net, x) => {
      const a = net.conv('a', x, 4, 2);
      const b = net.conv('b', x, 4, 2);
      const ab = net.layer('ab', 'Concat', [a, b], {axis: integer(1)});
      const c = net.conv('c', ab, 4, 2);
      return net.layer('bc', 'Concat', [b, c], {axis: integer(1)});
    });
    const joined = planQuantization(graph, SYMMETRIC);
    const groups = ['a', 'b', 'c', 'ab', 'bc'].map(name => groupOf(joined, name));
    expect(new Set(groups).size).toBe(1);
    const own = planQuantization(graph, U8S8);
    expect(new Set(['a', 'b', 'c', 'ab', 'bc'].map(name => groupOf(own, name))).size).toBe(5);
  });

  it.each([
    ['zeros around values', 'constant', 0, true],
    ['zeros around values, unless told otherwise', null, null, true],
    ['other numbers', 'constant', 1, false],
    ['the nearest values, which the rule does not know', 'edge', null, false],
  ])('through float layers that only move values: a Pad with %s', (_, mode, value, isShared) => {
    const graph = between((net, input) => {
      const slice = net.layer('slice', 'Slice', [
        input,
        ...['s', 'e'].map((one, at) => net.integers(one, [8 * at])),
      ]);
      const filling = value === null ? [] : [net.floats('filling', [], [value])];
      const operands = [slice, net.integers('pads', [0, 2, 0, 0, 0, 2, 0, 0]), ...filling];
      return net.layer('pad', 'Pad', operands, mode === null ? {} : {mode: text(mode)});
    });
    const plan = planQuantization(graph, U8S8);
    expect(groupOf(plan, 'pad')).toBeDefined();
    expect(groupOf(plan, 'pad') === groupOf(plan, 'before')).toBe(isShared);
  });

  it('not with a Softmax, whose values are known', () => {
    const plan = planQuantization(
      between((net, x) => net.conv('more', net.layer('soft', 'Softmax', [x]), 4, 4)),
      U8S8,
    );
    expect(plan.activations.get('soft')?.fixed).toEqual({min: 0, max: 1});
    expect(tensorsToMeasure(plan)).not.toContain('soft');
  });

  it('constants take their own range', () => {
    const plan = planQuantization(
      between((net, x) => net.layer('shift', 'Add', [x, net.floats('c', [4, 1, 1], [-1, 0, 2, 3])])),
      U8S8,
    );
    expect(plan.activations.get('c')?.fixed).toEqual({min: -1, max: 3});
  });
});

describe('layers without weights', () => {
  it('before the first weighted layer stay in float: rounding is put behind them', () => {
    const net = new Network();
    const pooled = net.layer('pool', 'MaxPool', [net.input('x', IMAGE)], {kernel_shape: integers(1, 1)});
    net.conv('y', net.layer('scaled', 'Mul', [pooled, net.floats('c', [], [2])]), 4, 4);
    const plan = planQuantization(net.graph(['y']), U8S8);
    expect(reasonsOf(plan)).toEqual({pool: 'input-in-float', scaled: 'input-in-float'});
    expect(tensorsToMeasure(plan)).toEqual(['scaled', 'y']);
  });

  it('between float layers stay in float', () => {
    const plan = planQuantization(
      between((net, x) => net.layer('c', 'Tanh', [net.layer('b', 'Sigmoid', [net.layer('a', 'Tanh', [x])])])),
      U8S8,
    );
    expect(reasonsOf(plan)).toEqual({a: 'no-kernel', b: 'input-in-float', c: 'no-kernel'});
  });

  it('take a rounded operand from a float layer, when another comes in integers', () => {
    const plan = planQuantization(
      between((net, x) => net.layer('gate', 'Mul', [x, net.layer('hard', 'HardSigmoid', [x])])),
      U8S8,
    );
    expect(plan.quantizedLayers).toContain('gate');
    expect(tensorsToMeasure(plan)).toContain('hard');
  });

  it('read what has been rounded for a weighted layer', () => {
    const net = new Network();
    const x = net.input('x', IMAGE);
    const pooled = net.layer('pool', 'MaxPool', [x], {kernel_shape: integers(1, 1)});
    const y = net.layer('y', 'Add', [net.conv('a', x, 4, 4), net.conv('b', pooled, 4, 4)]);
    const plan = planQuantization(net.graph([net.conv('z', y, 4, 4)]), U8S8);
    expect(plan.quantizedLayers).toContain('pool');
    expect(groupOf(plan, 'pool')).toBe(groupOf(plan, 'x'));
  });

  it('of other domains stay in float', () => {
    const net = new Network();
    const y = net.conv('y', net.input('x', IMAGE), 4, 4);
    const model = net.model([net.conv('z', net.layer('odd', 'Sigmoid', [y]), 4, 4)]);
    const nodes = model.graph.nodes.map(node =>
      node.name === 'odd' ? {...node, domain: 'com.example'} : node,
    );
    const plan = planQuantization(graphFromModel({...model, graph: {...model.graph, nodes}}), U8S8);
    expect(reasonsOf(plan)['odd']).toBe('no-kernel');
  });

  it('of types that the file does not tell are known by their neighbours', () => {
    const net = new Network();
    const odd = net.layer('odd', 'Tanh', [net.conv('a', net.input('x', IMAGE), 4, 4)]);
    const both = net.layer('both', 'Add', [net.layer('b relu', 'Relu', [net.conv('b', odd, 4, 4)]), odd]);
    const model = net.model([net.conv('c', both, 4, 4)]);
    const plan = planQuantization(graphFromModel({...model, graph: {...model.graph, valueInfos: []}}), U8S8);
    expect(plan.quantizedLayers).toEqual(['a', 'b', 'both', 'c']);
    expect(tensorsToMeasure(plan)).toEqual(['x', 'a', 'odd', 'b relu', 'both', 'c']);
  });
});

describe('at the Add of a skip connection, where the target takes it into the convolution,', () => {
  const block = (scheme: QuantizationScheme): QuantizationPlan =>
    planQuantization(
      between((net, x) => {
        const start = net.layer('start', 'Relu', [x]);
        const main = net.conv('main', start, 4, 4);
        return net.layer('end', 'Relu', [net.layer('sum', 'Add', [main, start])]);
      }),
      scheme,
    );

  it('only the skip side is rounded', () => {
    expect(tensorsToMeasure(block(SYMMETRIC))).toEqual(['x', 'start', 'end']);
    expect(block(SYMMETRIC).quantizedLayers).toContain('sum');
  });

  it('else both are', () => {
    expect(tensorsToMeasure(block(U8S8))).toEqual(['x', 'start', 'main', 'end', 'after']);
  });
});
