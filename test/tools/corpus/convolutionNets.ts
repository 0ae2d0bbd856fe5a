import type {OnnxModel} from '../../../src/model/onnx/messages.ts';
import type {CorpusModel} from './corpusModel.ts';
import {Net, type NetOptions} from './net.ts';

/** What a MobileNet is made of, and a part of every operator whose form changed between opset 7 and 22. */
export function plainNet(options: NetOptions): {net: Net; output: string} {
  const net = new Net(options);
  const x = net.input('image', [1, 3, 16, 16]);
  const stem = net.clip(net.batchNormalization(net.conv(x, 3, 8, 3, {hasBias: false}), 8), 0, 6);
  const small = net.add('MaxPool', [stem], {kernel_shape: [2n, 2n], strides: [2n, 2n]});
  const depthwise = net.add('Relu', [net.conv(small, 8, 8, 3, {group: 8})]);
  const skipped = net.add('Add', [net.conv(depthwise, 8, 8, 1), small]);
  const [first, second] = net.halves(skipped, 1);
  const joined = net.add('Concat', [net.add('Relu', [first]), net.add('Sigmoid', [second])], {axis: 1n});
  const padded = net.pad(net.slice(joined, 2, 1, 9), 0, 0, 1, 0, 0, 0, 0, 0);
  const pooled = net.mean(net.conv(padded, 8, 12, 3, {stride: 2}), [2, 3]);
  const flat = net.squeeze(net.unsqueeze(net.dropout(pooled), 4), 2, 3, 4);
  return {net, output: net.add('Softmax', [net.gemm(flat, 12, 10)])};
}

const NAMES = ['own', 'none', 'duplicated'] as const;

/** One per version of the standard operators; their layers have names of their own, none, or all the same. */
const PLAIN = Array.from({length: 16}, (_, at): CorpusModel => {
  const opset = 7 + at;
  const names = NAMES[at % NAMES.length] ?? 'own';
  return {
    name: `opset ${opset}, ${{own: 'named', none: 'unnamed', duplicated: 'equally named'}[names]} layers`,
    build() {
      const {net, output} = plainNet({opset, seed: opset, names});
      return net.model([output]);
    },
  };
});

export const CONVOLUTION_NETS: readonly CorpusModel[] = [
  ...PLAIN,
  {
    name: 'opset 8, weights among the inputs',
    build() {
      const {net, output} = plainNet({opset: 8, seed: 50});
      return withWeightsAsInputs(net.model([output], {irVersion: 3}));
    },
  },
  {
    name: 'opset 9, initialisers that may be overridden',
    build() {
      const {net, output} = plainNet({opset: 9, seed: 51});
      return withWeightsAsInputs(net.model([output], {irVersion: 6}));
    },
  },
  {
    name: 'opset 12, float16',
    tolerance: 5e-3,
    build() {
      const {net, output} = plainNet({opset: 12, seed: 52, elementType: 'float16'});
      return net.model([output]);
    },
  },
  {
    name: 'opset 13, external data',
    isExternal: true,
    build() {
      const {net, output} = plainNet({opset: 13, seed: 53});
      return net.model([output]);
    },
  },
  {
    name: 'opset 11, open batch, sizes computed for Reshape',
    build() {
      const net = new Net({opset: 11, seed: 54, names: 'none'});
      const x = net.input('image', ['batch', 3, 8, 8]);
      const features = net.add('Relu', [net.conv(x, 3, 8, 3, {stride: 2})]);
      const batch = net.add('Gather', [net.add('Shape', [features]), net.constant([], [0], 'int64')], {
        axis: 0n,
      });
      const shape = net.add('Concat', [net.unsqueeze(batch, 0), net.integers(-1)], {axis: 0n});
      return net.model([net.gemm(net.add('Reshape', [features, shape]), 128, 10)]);
    },
  },
  {
    name: 'opset 16, open batch and picture size',
    shapes: {image: [2, 3, 16, 12]},
    build() {
      const net = new Net({opset: 16, seed: 55});
      const x = net.input('image', ['N', 3, 'height', 'width']);
      const deep = net.conv(net.add('LeakyRelu', [net.conv(x, 3, 8, 3)]), 8, 8, 3, {stride: 2});
      const pooled = net.add('GlobalAveragePool', [net.add('HardSwish', [deep])]);
      return net.model([net.gemm(net.add('Flatten', [pooled]), 8, 10)]);
    },
  },
  {
    name: 'opset 10, shared weights and biases',
    build() {
      const net = new Net({opset: 10, seed: 56});
      const x = net.input('image', [1, 4, 8, 8]);
      const weight = net.weight([4, 4, 3, 3], {deviation: 0.2});
      const bias = net.weight([4], {deviation: 0.1});
      const layer = (input: string) =>
        net.add('Relu', [net.add('Conv', [input, weight, bias], {pads: [1n, 1n, 1n, 1n]})]);
      const other = net.add('Conv', [x, net.weight([4, 4, 1, 1]), bias]);
      return net.model([net.add('Add', [layer(layer(x)), other])]);
    },
  },
  {
    name: 'opset 9, transposed convolutions and Upsample',
    build() {
      const net = new Net({opset: 9, seed: 57});
      const x = net.input('code', ['batch', 8, 4, 4]);
      const weight = net.weight([8, 6, 2, 2], {deviation: 0.4});
      const larger = net.add('ConvTranspose', [x, weight], {strides: [2n, 2n]});
      const features = net.add('Relu', [net.batchNormalization(larger, 6)]);
      return net.model([net.add('Tanh', [net.conv(net.enlarge(features, 2), 6, 3, 3)])]);
    },
  },
  {
    name: 'opset 11, DepthToSpace and Resize',
    build() {
      const net = new Net({opset: 11, seed: 58});
      const x = net.input('image', [1, 1, 8, 8]);
      const deep = net.add('Relu', [net.conv(x, 1, 16, 3)]);
      const shuffled = net.add('DepthToSpace', [net.conv(deep, 16, 4, 3)], {blocksize: 2n, mode: 'CRD'});
      return net.model([net.add('Add', [shuffled, net.enlarge(x, 2)])]);
    },
  },
  {
    name: 'opset 12, squeeze and excitation',
    build() {
      const net = new Net({opset: 12, seed: 59});
      const x = net.conv(net.input('image', [1, 3, 12, 12]), 3, 8, 3);
      const squeezed = net.add('Relu', [net.conv(net.add('GlobalAveragePool', [x]), 8, 4, 1)]);
      const gate = net.add('HardSigmoid', [net.conv(squeezed, 4, 8, 1)], {alpha: 1 / 6});
      return net.model([net.conv(net.add('Mul', [x, gate]), 8, 4, 1)]);
    },
  },
  {
    name: 'opset 7, scaled BatchNormalization before convolutions, Concat',
    build() {
      const net = new Net({opset: 7, seed: 60});
      let x = net.conv(net.input('image', [1, 3, 8, 8]), 3, 6, 3);
      for (let channels = 6; channels < 15; channels += 3) {
        const scaled = net.add('Mul', [
          net.batchNormalization(x, channels),
          net.weight([channels, 1, 1], {centre: 1, deviation: 0.1}),
        ]);
        const shifted = net.add('Add', [scaled, net.weight([channels, 1, 1], {deviation: 0.1})]);
        x = net.add('Concat', [x, net.conv(net.add('Relu', [shifted]), channels, 3, 3)], {axis: 1n});
      }
      return net.model([net.add('GlobalAveragePool', [x])]);
    },
  },
  {
    name: 'opset 8, Sum of three and Concat of very different ranges',
    build() {
      const net = new Net({opset: 8, seed: 61});
      const x = net.input('image', [1, 3, 8, 8]);
      const [a, b, c] = [1, 3, 5].map(kernel => net.conv(x, 3, 4, kernel)) as [string, string, string];
      const sum = net.add('Sum', [a, b, c]);
      const large = net.add('Mul', [net.add('Relu', [sum]), net.constant([1], [5])]);
      return net.model([
        net.conv(net.add('Concat', [large, net.add('Sigmoid', [sum])], {axis: 1n}), 8, 4, 1),
      ]);
    },
  },
  {
    name: 'opset 11, a detector: boxes by Exp, scores by Sigmoid, TopK',
    build() {
      const net = new Net({opset: 11, seed: 62});
      const x = net.input('image', [1, 3, 16, 16]);
      const features = net.add('Relu', [
        net.conv(net.add('Relu', [net.conv(x, 3, 8, 3, {stride: 2})]), 8, 8, 3),
      ]);
      const head = (channels: number): string => {
        const last = net.add('Transpose', [net.conv(features, 8, channels, 1)], {perm: [0n, 2n, 3n, 1n]});
        return net.add('Reshape', [last, net.integers(1, -1, channels)]);
      };
      const [centre, size] = net.halves(head(4), 2);
      const boxes = net.add('Concat', [centre, net.add('Exp', [size])], {axis: 2n});
      const scores = net.add('Sigmoid', [head(2)]);
      net.add('TopK', [scores, net.integers(5)], {axis: 1n}, ['best', 'where']);
      return net.model([boxes, scores, 'best', ['where', 'int64']]);
    },
  },
  {
    name: 'opset 14, one dimension',
    build() {
      const net = new Net({opset: 14, seed: 63});
      const x = net.input('sound', ['batch', 2, 64]);
      const deep = net.add('Relu', [net.conv(x, 2, 8, 5, {rank: 1, stride: 2})]);
      const pooled = net.add('AveragePool', [deep], {kernel_shape: [4n], strides: [4n]});
      return net.model([net.gemm(net.add('Flatten', [pooled]), 64, 6)]);
    },
  },
  {
    name: 'opset 15, three dimensions',
    build() {
      const net = new Net({opset: 15, seed: 64});
      const x = net.input('volume', [1, 1, 6, 6, 6]);
      const deep = net.add('Relu', [net.batchNormalization(net.conv(x, 1, 4, 3, {rank: 3}), 4)]);
      return net.model([net.conv(deep, 4, 2, 1, {rank: 3})]);
    },
  },
];

function withWeightsAsInputs(model: OnnxModel): OnnxModel {
  const {initializers, inputs} = model.graph;
  const listed = initializers.map(({name, elementTypeCode, dims}) => ({
    ...inputs[0]!,
    name,
    type: {
      denotation: '',
      unknown: [],
      tensor: {
        elementTypeCode,
        unknown: [],
        shape: {unknown: [], dims: dims.map(size => ({size, denotation: '', unknown: []}))},
      },
    },
  }));
  return {...model, graph: {...model.graph, inputs: [...inputs, ...listed]}};
}
