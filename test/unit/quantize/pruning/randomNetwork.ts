import type {Graph} from '../../../../src/model/graph.ts';
import {int, ints, NetworkBuilder, startNumbers, text} from './networks.ts';

/** Side of the picture that goes in. */
const SIDE = 6;

/**
 * A network of up to a dozen random blocks over all operators whose channels can be followed, ending in a matrix product
 * and, at times, in a second output. `choices` says which blocks and how.
 */
export function randomNetwork(choices: readonly number[], seed: number): Graph {
  const next = startNumbers(seed);
  const net = new NetworkBuilder();
  let at = 0;
  const choose = (count: number): number => (choices[at++ % choices.length] ?? 0) % count;
  const shapeOf = (name: string): readonly number[] => net.shapes.get(name)!;
  const random = (shape: readonly number[], positive = false): string =>
    net.floats(
      shape,
      Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => (positive ? 1.5 + next() : next() / 2)),
    );
  const pictures = [net.input('picture', [1, 3, SIDE, SIDE])];
  const some = (): string => pictures[pictures.length - 1 - choose(Math.min(3, pictures.length))]!;
  const same = (operator: string, x: string, more: string[] = [], attributes = {}): string =>
    net.layer(operator, [x, ...more], shapeOf(x), attributes);

  const conv = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const kernel = choose(2) === 0 ? 1 : 3;
    const pad = kernel === 3 ? 1 : 0;
    const groups = channels % 2 === 0 && choose(4) === 0 ? 2 : 1;
    const outputs = [4, 6, 8][choose(3)]!;
    const inputs = [x, random([outputs, channels / groups, kernel, kernel])];
    if (choose(2) === 0) inputs.push(random([outputs]));
    return net.layer('Conv', inputs, [1, outputs, height, width], {
      kernel_shape: ints(kernel, kernel),
      pads: ints(pad, pad, pad, pad),
      group: int(groups),
    });
  };
  const depthwise = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const outputs = channels * (choose(3) === 0 ? 2 : 1);
    return net.layer(
      'Conv',
      [x, random([outputs, 1, 3, 3]), random([outputs])],
      [1, outputs, height, width],
      {
        kernel_shape: ints(3, 3),
        pads: ints(1, 1, 1, 1),
        group: int(channels),
      },
    );
  };
  const transposedConv = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const groups = channels % 2 === 0 && choose(2) === 0 ? 2 : 1;
    return net.layer(
      'ConvTranspose',
      [x, random([channels, 4 / groups, 3, 3]), random([4])],
      [1, 4, height, width],
      {
        kernel_shape: ints(3, 3),
        pads: ints(1, 1, 1, 1),
        group: int(groups),
      },
    );
  };
  const batchNormalization = (x: string): string => {
    const [, channels = 0] = shapeOf(x);
    const vectors = [random([channels]), random([channels]), random([channels]), random([channels], true)];
    return same('BatchNormalization', x, vectors);
  };
  const addBoth = (x: string): string => {
    const others = pictures.filter(name => name !== x && shapeOf(name).join() === shapeOf(x).join());
    const other = others[choose(Math.max(1, others.length))];
    return other === undefined ? conv(x) : same(['Add', 'Mul', 'Sub'][choose(3)]!, x, [other]);
  };
  const concat = (x: string): string => {
    const [, , height, width] = shapeOf(x);
    const others = pictures.filter(name => shapeOf(name)[2] === height && shapeOf(name)[3] === width);
    const other = others[choose(others.length)]!;
    const channels = shapeOf(x)[1]! + shapeOf(other)[1]!;
    if (channels > 16) return conv(x);
    return net.layer('Concat', [x, other], [1, channels, height!, width!], {
      axis: int(choose(2) === 0 ? 1 : -3),
    });
  };
  const squeezeExcite = (x: string): string => {
    const [, channels = 0] = shapeOf(x);
    const mean = net.layer('GlobalAveragePool', [x], [1, channels, 1, 1]);
    const scale = net.layer('Conv', [mean, random([channels, channels, 1, 1])], [1, channels, 1, 1]);
    return same('Mul', x, [net.layer('Sigmoid', [scale], [1, channels, 1, 1])]);
  };
  const pad = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const [before, after] = [choose(3), choose(3)];
    if (channels + before + after > 16) return same('Relu', x);
    const pads = net.integers([0, before, 0, 0, 0, after, 0, 0]);
    return net.layer('Pad', [x, pads], [1, channels + before + after, height, width]);
  };
  const slice = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    if (choose(3) === 0) {
      const sliced = Math.ceil(height / 2);
      const lists = [
        [0, 0],
        [2 ** 31, 2 ** 31],
        [2, -1],
        [2, 2],
      ].map(list => net.integers(list));
      return net.layer('Slice', [x, ...lists], [1, channels, sliced, Math.ceil(width / 2)]);
    }
    const step = choose(4) === 0 ? 2 : 1;
    const start = Math.min(choose(2), channels - 1);
    const count = Math.ceil((channels - start) / step);
    const lists = [[start], [2 ** 31], [1], [step]].map(list => net.integers(list));
    return net.layer('Slice', [x, ...lists], [1, count, height, width]);
  };
  const split = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    if (channels < 2) return same('Relu', x);
    const first = 1 + choose(channels - 1);
    const inputs = first * 2 === channels ? [x] : [x, net.integers([first, channels - first])];
    const parts = net.layers(
      'Split',
      inputs,
      [first, channels - first].map(size => [1, size, height, width]),
      {axis: int(1)},
    );
    pictures.push(parts[1]!);
    return parts[0]!;
  };
  const transposed = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const turned = net.layer('Transpose', [x], [1, height, width, channels], {perm: ints(0, 2, 3, 1)});
    const added = same('Add', turned, [random([channels])]);
    return net.layer('Transpose', [added], shapeOf(x), {perm: ints(0, 3, 1, 2)});
  };
  const shuffle = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    if (channels % 2 !== 0) return same('Tanh', x);
    const half = channels / 2;
    const grouped = net.layer(
      'Reshape',
      [x, net.integers([1, 2, half, height, width])],
      [1, 2, half, height, width],
    );
    const turned = net.layer('Transpose', [grouped], [1, half, 2, height, width], {
      perm: ints(0, 2, 1, 3, 4),
    });
    return net.layer('Reshape', [turned, net.integers([0, -1, height, width])], shapeOf(x));
  };
  const gather = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const order = Array.from({length: channels}, (_, index) => (index % 2 === 0 ? -1 - index : index));
    return net.layer('Gather', [x, net.integers(order)], [1, channels, height, width], {axis: int(1)});
  };
  const resize = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    if (height > 6) return same('Relu', x);
    const sizes = [1, channels, height * 2, width * 2];
    const inputs =
      choose(2) === 0 ? [x, '', '', net.integers(sizes)] : [x, '', net.floats([4], [1, 1, 2, 2])];
    return net.layer('Resize', inputs, sizes, {mode: text('nearest')});
  };
  const pool = (x: string): string => {
    const [, channels = 0, height = 0, width = 0] = shapeOf(x);
    const window = {kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1)};
    return net.layer(choose(2) === 0 ? 'MaxPool' : 'AveragePool', [x], [1, channels, height, width], window);
  };
  const perChannel = (x: string): string =>
    choose(2) === 0
      ? same('Mul', x, [random([shapeOf(x)[1]!, 1, 1])])
      : same('PRelu', x, [random([shapeOf(x)[1]!, 1, 1])]);
  const blocks = [
    conv,
    conv,
    (x: string) => same('Relu', batchNormalization(conv(x))),
    depthwise,
    transposedConv,
    batchNormalization,
    (x: string) => same('Relu', x),
    addBoth,
    addBoth,
    concat,
    squeezeExcite,
    pad,
    slice,
    split,
    transposed,
    shuffle,
    gather,
    resize,
    pool,
    perChannel,
    (x: string) => same('LRN', x, [], {size: int(3)}),
  ];
  const count = 3 + choose(8);
  for (let index = 0; index < count; index += 1) pictures.push(blocks[choose(blocks.length)]!(some()));
  // Whatever the last block is, something has to read it; an early tensor is an output at times.
  const last = conv(pictures.at(-1)!);
  const [, channels = 0, height = 0, width = 0] = shapeOf(last);
  let features = height * width * channels;
  let flat: string;
  if (choose(2) === 0) {
    features = channels;
    const mean = net.layer('ReduceMean', [last], [1, channels], {axes: ints(2, 3), keepdims: int(0)});
    flat = same('Relu', mean);
  } else {
    flat = net.layer('Flatten', [last], [1, features], {axis: int(1)});
  }
  const isTransposed = choose(2) === 1;
  const hidden = net.layer(
    'Gemm',
    [flat, random(isTransposed ? [5, features] : [features, 5]), random([1, 5])],
    [1, 5],
    {transB: int(isTransposed ? 1 : 0)},
  );
  const answer = net.layer(
    'Softmax',
    [net.layer('MatMul', [same('Relu', hidden), random([5, 3])], [1, 3])],
    [1, 3],
  );
  const outputs = choose(5) === 0 && pictures.length > 4 ? [answer, pictures[2]!] : [answer];
  return net.graph(outputs.filter(name => !name.startsWith('picture')));
}
