import type {Graph} from '../../../../src/model/graph.ts';
import {normalNumbers} from '../normalNumbers.ts';
import {int, ints, NetworkBuilder} from '../pruning/networks.ts';

const TOKENS = 12;
const CHANNELS = 32;
const HEADS = 4;
const HIDDEN = 64;
const CLASSES = 10;

/**
 * Channels that a normalisation makes 50 times as large as the others, the same ones for every token, and the share of the
 * weights that read them: the outliers of trained transformers, which are up to about 100 times as large (Xiao et al.,
 * SmoothQuant, arXiv 2211.10438, section 3).
 */
const OUTLIERS = [3, 17];
const OUTLIER_SIZE = 50;
const OUTLIER_WEIGHT = 0.05;

export const TRANSFORMER_INPUT = [1, TOKENS, CHANNELS];

/**
 * Two transformer blocks with the normalisation first: one with the LayerNormalization operator and GELU, one with a
 * LayerNormalization of single operators and Relu; then the mean of the tokens and a classifier.
 */
export function transformerBlocks(seed: number): Graph {
  const net = new NetworkBuilder();
  let count = 0;
  const wide = [1, TOKENS, CHANNELS];
  const normal = (shape: readonly number[], deviation: number, name?: string): string => {
    const numbers = normalNumbers(
      shape.reduce((all, size) => all * size, 1),
      seed * 1000 + (count += 1),
    );
    return net.floats(
      shape,
      numbers.map(value => value * deviation),
      name,
    );
  };
  const gamma = (name: string): string =>
    net.floats(
      [CHANNELS],
      normalNumbers(CHANNELS, seed * 1000 + (count += 1)).map(
        (value, at) => (1 + 0.1 * value) * (OUTLIERS.includes(at) ? OUTLIER_SIZE : 1),
      ),
      name,
    );
  /** Weights that read a normalisation. */
  const reading = (outputs: number, name: string): string => {
    const numbers = normalNumbers(CHANNELS * outputs, seed * 1000 + (count += 1));
    const values = numbers.map((value, at) => {
      const isOutlier = OUTLIERS.includes(Math.floor(at / outputs));
      return (value / Math.sqrt(CHANNELS)) * (isOutlier ? OUTLIER_WEIGHT : 1);
    });
    return net.floats([CHANNELS, outputs], values, name);
  };
  const layer = (operator: string, inputs: string[], shape: readonly number[], attributes = {}): string =>
    net.layer(operator, inputs, shape, attributes);

  const normalized = (x: string, name: string): string =>
    net.layer(
      'LayerNormalization',
      [x, gamma(`${name}.scale`), normal([CHANNELS], 0.1, `${name}.bias`)],
      wide,
      {axis: int(-1)},
      name,
    );
  const decomposed = (x: string, name: string): string => {
    const one = [1, TOKENS, 1];
    const centred = layer('Sub', [x, layer('ReduceMean', [x], one, {axes: ints(-1)})], wide);
    const squares = layer('Pow', [centred, net.floats([], [2])], wide);
    const variance = layer('ReduceMean', [squares], one, {axes: ints(-1)});
    const deviation = layer('Sqrt', [layer('Add', [variance, net.floats([], [1e-5])], one)], one);
    const scaled = layer('Mul', [layer('Div', [centred, deviation], wide), gamma(`${name}.scale`)], wide);
    return net.layer('Add', [scaled, normal([CHANNELS], 0.1, `${name}.bias`)], wide, {}, name);
  };
  const linear = (x: string, weight: string, outputs: number, name: string): string => {
    const shape = [1, TOKENS, outputs];
    const product = net.layer('MatMul', [x, weight], shape, {}, `${name}.product`);
    return net.layer('Add', [product, normal([outputs], 0.1, `${name}.bias`)], shape, {}, name);
  };
  const heads = (x: string, order: readonly number[]): string => {
    const split = [1, TOKENS, HEADS, CHANNELS / HEADS];
    const parts = layer('Reshape', [x, net.integers(split)], split);
    return layer(
      'Transpose',
      [parts],
      order.map(axis => split[axis]!),
      {perm: ints(...order)},
    );
  };
  const attention = (x: string, name: string): string => {
    const part = (which: string, order: readonly number[]) =>
      heads(linear(x, reading(CHANNELS, `${name}.${which}.weight`), CHANNELS, `${name}.${which}`), order);
    const [q, k, v] = [part('q', [0, 2, 1, 3]), part('k', [0, 2, 3, 1]), part('v', [0, 2, 1, 3])];
    const square = [1, HEADS, TOKENS, TOKENS];
    const scores = layer(
      'Mul',
      [layer('MatMul', [q, k], square), net.floats([], [Math.sqrt(HEADS / CHANNELS)])],
      square,
    );
    const mixed = layer(
      'MatMul',
      [layer('Softmax', [scores], square), v],
      [1, HEADS, TOKENS, CHANNELS / HEADS],
    );
    const back = layer('Transpose', [mixed], [1, TOKENS, HEADS, CHANNELS / HEADS], {perm: ints(0, 2, 1, 3)});
    const joined = net.layer('Reshape', [back, net.integers(wide)], wide, {}, `${name}.joined`);
    const weight = normal([CHANNELS, CHANNELS], 1 / Math.sqrt(CHANNELS), `${name}.out.weight`);
    return linear(joined, weight, CHANNELS, `${name}.out`);
  };
  const gelu = (x: string): string => {
    const shape = [1, TOKENS, HIDDEN];
    const half = layer('Mul', [x, net.floats([], [0.5])], shape);
    const error = layer('Erf', [layer('Mul', [x, net.floats([], [Math.SQRT1_2])], shape)], shape);
    return layer('Mul', [half, layer('Add', [error, net.floats([], [1])], shape)], shape);
  };
  const perceptron = (x: string, name: string, activation: (x: string) => string): string => {
    const inner = activation(linear(x, reading(HIDDEN, `${name}.1.weight`), HIDDEN, `${name}.1`));
    const weight = normal([HIDDEN, CHANNELS], 1 / Math.sqrt(HIDDEN), `${name}.2.weight`);
    return linear(inner, weight, CHANNELS, `${name}.2`);
  };
  const relu = (x: string): string => layer('Relu', [x], net.shapes.get(x)!);
  const sum = (x: string, y: string): string => layer('Add', [x, y], wide);

  let x = net.input('tokens', TRANSFORMER_INPUT);
  x = sum(x, attention(normalized(x, 'a.norm'), 'a.attention'));
  x = sum(x, perceptron(normalized(x, 'a.norm2'), 'a.mlp', gelu));
  x = sum(x, attention(decomposed(x, 'b.norm'), 'b.attention'));
  x = sum(x, perceptron(decomposed(x, 'b.norm2'), 'b.mlp', relu));
  const mean = layer('ReduceMean', [normalized(x, 'norm')], [1, CHANNELS], {axes: ints(1), keepdims: int(0)});
  const answer = net.layer(
    'Gemm',
    [mean, reading(CLASSES, 'head.weight'), normal([CLASSES], 0.1, 'head.bias')],
    [1, CLASSES],
    {alpha: {float: 0.5}},
    'answer',
  );
  return net.graph([answer]);
}
