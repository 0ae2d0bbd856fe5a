import {describe, expect, it} from 'vitest';
import type {Graph} from '../../../../src/model/graph.ts';
import {dependencyGroups} from '../../../../src/quantize/pruning/dependencyGroups.ts';
import {int, ints, NetworkBuilder, text} from './networks.ts';

/** A convolution of side 4 with 3×3 kernels, named after its output channels. */
function conv(net: NetworkBuilder, x: string, outputs: number, name: string, groups = 1): string {
  const [, inputs = 0, ...size] = net.shapes.get(x)!;
  const shape = [outputs, inputs / groups, 3, 3];
  const weight = net.floats(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)), `${name}.weight`);
  const bias = net.floats([outputs], new Float32Array(outputs), `${name}.bias`);
  return net.layer(
    'Conv',
    [x, weight, bias],
    [1, outputs, ...size],
    {pads: ints(1, 1, 1, 1), group: int(groups)},
    name,
  );
}

function gemm(net: NetworkBuilder, x: string, outputs: number, name: string, isTransposed = true): string {
  const [, inputs = 0] = net.shapes.get(x)!;
  const shape = isTransposed ? [outputs, inputs] : [inputs, outputs];
  const weight = net.floats(shape, new Float32Array(inputs * outputs), `${name}.weight`);
  return net.layer('Gemm', [x, weight], [1, outputs], {transB: int(isTransposed ? 1 : 0)}, name);
}

function start(): {net: NetworkBuilder; x: string} {
  const net = new NetworkBuilder();
  return {net, x: net.input('picture', [1, 3, 4, 4])};
}

const same = (
  net: NetworkBuilder,
  operator: string,
  x: string,
  more: string[] = [],
  attributes = {},
): string => net.layer(operator, [x, ...more], net.shapes.get(x)!, attributes);

/** Groups as "channels: makers > filters > readers"; refused ones as "channels: makers! reason at layer". */
function summary(graph: Graph): string[] {
  const {groups, refused} = dependencyGroups(graph);
  return [
    ...groups.map(({channels, makers, filters, readers}) => {
      const middle = filters.length > 0 ? ` > ${filters.join('+')}` : '';
      return `${channels.length}: ${makers.join('+')}${middle} > ${readers.join('+')}`;
    }),
    ...refused.map(
      ({channels, makers, refusal}) =>
        `${channels.length}: ${makers.join('+')}! ${refusal.reason}${refusal.layer === null ? '' : ` at ${refusal.layer}`}`,
    ),
  ];
}

const CASES: readonly {name: string; build: () => Graph; expected: string[]}[] = [
  {
    name: 'a convolution, its BatchNormalization and activation belong to the convolution that reads them',
    build: () => {
      const {net, x} = start();
      const vector = () => net.floats([4], [1, 1, 1, 1]);
      const made = same(net, 'BatchNormalization', conv(net, x, 4, 'a'), [
        vector(),
        vector(),
        vector(),
        vector(),
      ]);
      return net.graph([conv(net, same(net, 'Relu', made), 2, 'b')]);
    },
    expected: ['4: a > b', '2: b! graph-output'],
  },
  {
    name: 'both branches of a sum lose the same channels, and so do all that read it',
    build: () => {
      const {net, x} = start();
      const stem = conv(net, x, 4, 'stem');
      const sum = same(net, 'Add', conv(net, conv(net, stem, 6, 'in'), 4, 'out'), [stem]);
      return net.graph([conv(net, sum, 2, 'last')]);
    },
    expected: ['4: stem+out > in+last', '6: in > out', '2: last! graph-output'],
  },
  {
    name: 'parts of a Concat are groups of their own',
    build: () => {
      const {net, x} = start();
      const parts = [conv(net, x, 4, 'a'), conv(net, x, 2, 'b')];
      const joined = net.layer('Concat', parts, [1, 6, 4, 4], {axis: int(1)});
      return net.graph([conv(net, joined, 2, 'last')]);
    },
    expected: ['4: a > last', '2: b > last', '2: last! graph-output'],
  },
  {
    name: 'a channel is a run of features behind Flatten, in both layouts of Gemm',
    build: () => {
      const {net, x} = start();
      const flat = net.layer('Flatten', [conv(net, x, 4, 'a')], [1, 64], {axis: int(1)});
      return net.graph([gemm(net, gemm(net, flat, 6, 'b', true), 2, 'c', false)]);
    },
    expected: ['4: a > b', '6: b > c', '2: c! graph-output'],
  },
  {
    name: 'a depthwise convolution filters channels, and with a multiplier makes several of one',
    build: () => {
      const {net, x} = start();
      return net.graph([conv(net, conv(net, conv(net, x, 4, 'a'), 8, 'depthwise', 4), 2, 'last')]);
    },
    expected: ['4: a > depthwise > last', '2: last! graph-output'],
  },
  {
    name: 'groups of a convolution lose the same places, of their inputs and of their outputs',
    build: () => {
      const {net, x} = start();
      return net.graph([conv(net, conv(net, conv(net, x, 4, 'a'), 6, 'grouped', 2), 2, 'last')]);
    },
    expected: ['2: a > grouped', '3: grouped > last', '2: last! graph-output'],
  },
  {
    name: 'a transposed convolution has its input channels first',
    build: () => {
      const {net, x} = start();
      const weight = net.floats([4, 5, 3, 3], new Float32Array(180));
      const made = net.layer(
        'ConvTranspose',
        [conv(net, x, 4, 'a'), weight],
        [1, 5, 4, 4],
        {pads: ints(1, 1, 1, 1)},
        'up',
      );
      return net.graph([conv(net, made, 2, 'last')]);
    },
    expected: ['4: a > up', '5: up > last', '2: last! graph-output'],
  },
  {
    name: 'a shortcut that is sliced and padded shifts channels, and padded ones go with what they are added to',
    build: () => {
      const {net, x} = start();
      const stem = conv(net, x, 4, 'stem');
      const lists = [
        [0, 0],
        [4, 4],
        [2, 3],
        [2, 2],
      ].map(list => net.integers(list));
      const sliced = net.layer('Slice', [stem, ...lists], [1, 4, 2, 2]);
      const padded = net.layer('Pad', [sliced, net.integers([0, 2, 0, 0, 0, 2, 0, 0])], [1, 8, 2, 2]);
      const pooled = net.layer('MaxPool', [conv(net, stem, 8, 'wide')], [1, 8, 2, 2], {
        kernel_shape: ints(2, 2),
        strides: ints(2, 2),
      });
      return net.graph([conv(net, same(net, 'Add', pooled, [padded]), 2, 'last')]);
    },
    expected: ['4: stem+wide > wide+last', '4: wide > last', '2: last! graph-output'],
  },
  {
    name: 'every second channel has no equivalent on fewer channels',
    build: () => {
      const {net, x} = start();
      const lists = [[0], [4], [1], [2]].map(list => net.integers(list));
      const sliced = net.layer('Slice', [conv(net, x, 4, 'a'), ...lists], [1, 2, 4, 4], {}, 'slice');
      return net.graph([conv(net, sliced, 2, 'last')]);
    },
    expected: ['4: a! strided-slice at slice', '2: last! graph-output'],
  },
  {
    name: 'what looks across the channels keeps them',
    build: () => {
      const {net, x} = start();
      const normalised = net.layer('LRN', [conv(net, x, 4, 'a')], [1, 4, 4, 4], {size: int(3)}, 'lrn');
      const attention = net.layer(
        'Softmax',
        [conv(net, normalised, 3, 'b')],
        [1, 3, 4, 4],
        {axis: int(1)},
        'softmax',
      );
      return net.graph([conv(net, attention, 2, 'last')]);
    },
    expected: ['4: a! mixes-channels at lrn', '3: b! mixes-channels at softmax', '2: last! graph-output'],
  },
  {
    name: 'a Softmax over positions leaves the channels free',
    build: () => {
      const {net, x} = start();
      const attention = net.layer('Softmax', [conv(net, x, 3, 'a')], [1, 3, 4, 4], {axis: int(3)});
      return net.graph([conv(net, attention, 2, 'last')]);
    },
    expected: ['3: a > last', '2: last! graph-output'],
  },
  {
    name: 'a mean over the channels keeps them, one over positions does not',
    build: () => {
      const {net, x} = start();
      const overChannels = net.layer(
        'ReduceMean',
        [conv(net, x, 4, 'a')],
        [1, 1, 4, 4],
        {axes: ints(1)},
        'mean',
      );
      const features = net.layer('ReduceMean', [conv(net, overChannels, 4, 'b')], [1, 4], {
        axes: ints(-1, 2),
        keepdims: int(0),
      });
      return net.graph([gemm(net, features, 2, 'last')]);
    },
    expected: ['4: b > last', '4: a! mixes-channels at mean', '2: last! graph-output'],
  },
  {
    name: 'an operator that nobody knows keeps its channels',
    build: () => {
      const {net, x} = start();
      const blocks = net.layer(
        'DepthToSpace',
        [conv(net, x, 4, 'a')],
        [1, 1, 8, 8],
        {blocksize: int(2)},
        'shuffle',
      );
      return net.graph([conv(net, blocks, 2, 'last')]);
    },
    expected: ['4: a! operator-unknown at shuffle', '2: last! graph-output'],
  },
  {
    name: 'a picture that is added to channels keeps them',
    build: () => {
      const {net, x} = start();
      return net.graph([conv(net, same(net, 'Add', conv(net, x, 3, 'a'), [x]), 2, 'last')]);
    },
    expected: ['3: a! graph-input', '2: last! graph-output'],
  },
  {
    name: 'one channel that scales all others is none that could go',
    build: () => {
      const {net, x} = start();
      const map = net.layer('Sigmoid', [conv(net, x, 1, 'map')], [1, 1, 4, 4]);
      const scaled = net.layer('Mul', [conv(net, x, 4, 'a'), map], [1, 4, 4, 4], {}, 'scale');
      return net.graph([conv(net, scaled, 2, 'last')]);
    },
    expected: ['4: a > last', '1: map! broadcast at scale', '2: last! graph-output'],
  },
  {
    name: 'channels that are turned to the end and back stay channels',
    build: () => {
      const {net, x} = start();
      const turned = net.layer('Transpose', [conv(net, x, 4, 'a')], [1, 4, 4, 4], {perm: ints(0, 2, 3, 1)});
      const flat = net.layer('Reshape', [turned, net.integers([1, -1])], [1, 64]);
      return net.graph([gemm(net, flat, 2, 'last')]);
    },
    expected: ['4: a > last', '2: last! graph-output'],
  },
  {
    name: 'a Reshape to a computed shape keeps them',
    build: () => {
      const {net, x} = start();
      const shape = net.layer('Shape', [x], [4]);
      const flat = net.layer('Reshape', [conv(net, x, 4, 'a'), shape], [1, 64], {}, 'reshape');
      return net.graph([gemm(net, flat, 2, 'last')]);
    },
    expected: ['4: a! shape-computed at reshape', '2: last! graph-output'],
  },
  {
    name: 'weights that are computed keep what they are multiplied with',
    build: () => {
      const {net, x} = start();
      const features = net.layer('Flatten', [conv(net, x, 4, 'a')], [1, 64], {axis: int(1)});
      const weight = net.layer('Identity', [net.input('matrix', [64, 2])], [64, 2]);
      return net.graph([net.layer('MatMul', [features, weight], [1, 2], {}, 'product')]);
    },
    expected: ['4: a! weights-computed at product'],
  },
  {
    name: 'bilinear resizing and pooling keep channels apart',
    build: () => {
      const {net, x} = start();
      const larger = net.layer(
        'Resize',
        [conv(net, x, 4, 'a'), '', net.floats([4], [1, 1, 2, 2])],
        [1, 4, 8, 8],
        {mode: text('linear')},
      );
      const mean = net.layer('GlobalAveragePool', [larger], [1, 4, 1, 1]);
      const flat = net.layer('Squeeze', [mean, net.integers([2, 3])], [1, 4]);
      return net.graph([gemm(net, flat, 2, 'last')]);
    },
    expected: ['4: a > last', '2: last! graph-output'],
  },
];

describe('groups of channels that go together', () => {
  it.each(CASES)('$name', ({build, expected}) => {
    expect(summary(build()).toSorted()).toEqual(expected.toSorted());
  });

  it('without shapes nothing can go', () => {
    const {net, x} = start();
    const graph = net.graph([conv(net, conv(net, x, 4, 'a'), 2, 'last')]);
    const tensors = new Map(
      [...graph.tensors].map(([name, {shape, dims, ...rest}]) => [
        name,
        name === 'a_out' ? rest : {...rest, ...(shape && {shape}), ...(dims && {dims})},
      ]),
    );
    expect(summary({...graph, tensors})).toEqual([
      '4: a! shape-unknown at a',
      '2: last! shape-unknown at last',
    ]);
  });
});
