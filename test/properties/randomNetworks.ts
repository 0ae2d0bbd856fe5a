import {float, integer, integers, Network} from '../unit/quantize/networks.ts';

const CHANNELS = 4;
const SIZE = 8;

type Step = (net: Network, name: string, input: string, other: string) => string;

const pool = {kernel_shape: integers(3, 3), pads: integers(1, 1, 1, 1)};
const swap = {perm: integers(0, 1, 3, 2)};

/** Each takes feature maps [1, 4, 8, 8] and gives one; together they use every operator of the CPU's table. */
export const STEPS: Readonly<Record<string, Step>> = {
  conv: (net, name, x) => net.conv(name, x, CHANNELS, CHANNELS),
  depthwise: (net, name, x) =>
    net.layer(
      name,
      'Conv',
      [x, net.weights(`${name} w`, [CHANNELS, 1, 3, 3], 0.6), net.weights(`${name} b`, [CHANNELS], 0.2)],
      {
        group: integer(CHANNELS),
        pads: integers(1, 1, 1, 1),
      },
    ),
  'conv and relu': (net, name, x) =>
    net.layer(name, 'Relu', [net.conv(`${name} conv`, x, CHANNELS, CHANNELS)]),
  'conv and clip': (net, name, x) =>
    net.layer(name, 'Clip', [
      net.conv(`${name} conv`, x, CHANNELS, CHANNELS),
      net.floats(`${name} min`, [], [0]),
      net.floats(`${name} max`, [], [6]),
    ]),
  add: (net, name, x, y) => net.layer(name, 'Add', [x, y]),
  'add constant': (net, name, x) => net.layer(name, 'Add', [x, net.weights(`${name} c`, [CHANNELS, 1, 1])]),
  mul: (net, name, x, y) => net.layer(name, 'Mul', [x, y]),
  where: (net, name, x, y) => net.layer(name, 'Where', [net.mask(`${name} mask`, 'Greater', [x, y]), x, y]),
  concat: (net, name, x, y) =>
    net.conv(
      name,
      net.layer(`${name} both`, 'Concat', [x, y], {axis: integer(1)}),
      2 * CHANNELS,
      CHANNELS,
      1,
    ),
  split: (net, name, x) => {
    const sizes = net.integers(`${name} sizes`, [2, 2]);
    const half = net.layer(`${name} half`, 'Split', [x, sizes], {axis: integer(1)}, [`${name} rest`]);
    return net.layer(name, 'Concat', [`${name} rest`, half], {axis: integer(1)});
  },
  slice: (net, name, x) => {
    const bounds = ['from', 'to', 'axes'].map((what, at) =>
      net.integers(`${name} ${what}`, [[0], [2], [1]][at]!),
    );
    const part = net.layer(`${name} part`, 'Slice', [x, ...bounds]);
    return net.layer(name, 'Concat', [part, part], {axis: integer(1)});
  },
  gather: (net, name, x) =>
    net.layer(name, 'Gather', [x, net.integers(`${name} at`, [3, 1, 0, 2])], {axis: integer(1)}),
  'max pool': (net, name, x) => net.layer(name, 'MaxPool', [x], pool),
  'average pool': (net, name, x) => net.layer(name, 'AveragePool', [x], pool),
  'squeeze and excite': (net, name, x) => {
    const mean = net.layer(`${name} mean`, 'GlobalAveragePool', [x]);
    const gate = net.layer(`${name} gate`, 'Sigmoid', [
      net.conv(`${name} conv`, mean, CHANNELS, CHANNELS, 1),
    ]);
    return net.layer(name, 'Mul', [x, gate]);
  },
  'leaky relu': (net, name, x) => net.layer(name, 'LeakyRelu', [x], {alpha: float(0.1)}),
  sigmoid: (net, name, x) => net.layer(name, 'Sigmoid', [x]),
  'hard swish': (net, name, x) => net.layer(name, 'Mul', [x, net.layer(`${name} gate`, 'HardSigmoid', [x])]),
  softmax: (net, name, x) =>
    net.conv(name, net.layer(`${name} likely`, 'Softmax', [x], {axis: integer(1)}), CHANNELS, CHANNELS, 1),
  tanh: (net, name, x) => net.layer(name, 'Tanh', [x]),
  transpose: (net, name, x) => net.layer(name, 'Transpose', [x], swap),
  reshape: (net, name, x) => {
    const flat = net.layer(`${name} flat`, 'Flatten', [x]);
    return net.layer(name, 'Reshape', [flat, net.integers(`${name} shape`, [1, CHANNELS, SIZE, SIZE])]);
  },
  'squeeze and unsqueeze': (net, name, x) => {
    const axes = net.integers(`${name} axes`, [0]);
    return net.layer(name, 'Unsqueeze', [net.layer(`${name} squeezed`, 'Squeeze', [x, axes]), axes]);
  },
  resize: (net, name, x) => {
    const scales = net.floats(`${name} scales`, [4], [1, 1, 2, 2]);
    const large = net.layer(`${name} large`, 'Resize', [x, '', scales], {
      mode: {string: new TextEncoder().encode('nearest')},
    });
    return net.layer(name, 'MaxPool', [large], {kernel_shape: integers(2, 2), strides: integers(2, 2)});
  },
  matmul: (net, name, x) => net.layer(name, 'MatMul', [x, net.weights(`${name} w`, [SIZE, SIZE], 0.6)]),
};

/**
 * Feature maps through the steps, each on the result before it and one from further back, then a classifier.
 * @returns a model from `x` [1, 4, 8, 8] to `y` [1, 5]
 */
export function randomNetwork(steps: readonly string[], seed: number, opset = 17) {
  const net = new Network(seed);
  const maps = [
    net.layer('start', 'Relu', [
      net.conv('start conv', net.input('x', [1, CHANNELS, SIZE, SIZE]), CHANNELS, CHANNELS),
    ]),
  ];
  steps.forEach((step, at) => {
    const other = maps[(seed + at) % maps.length] ?? 'start';
    const made = STEPS[step]?.(net, `${at} ${step}`, maps.at(-1) ?? 'start', other);
    if (made !== undefined) maps.push(made);
  });
  const head = net.layer('head relu', 'Relu', [net.conv('head', maps.at(-1) ?? 'start', CHANNELS, 8)]);
  const flat = net.layer('flat', 'Flatten', [net.layer('mean', 'GlobalAveragePool', [head])]);
  const operands = [flat, net.weights('classes', [8, 5]), net.weights('class bias', [5], 0.2)];
  return net.graph([net.layer('y', 'Gemm', operands)], opset);
}
