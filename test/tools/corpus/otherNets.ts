import {
  createGraph,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxFunction} from '../../../src/model/onnx/messages.ts';
import {attributesFrom} from '../../unit/model/opsetCaseParts.ts';
import type {CorpusModel} from './corpusModel.ts';
import {Net} from './net.ts';

/** Self-attention of one head and a feed-forward part, as exporters write them out. */
function attention(net: Net, x: string, width: number): string {
  const project = (input: string, inputs: number, outputs: number): string => {
    const weight = net.weight([inputs, outputs], {deviation: 1 / Math.sqrt(inputs)});
    return net.add('Add', [net.add('MatMul', [input, weight]), net.weight([outputs], {deviation: 0.1})]);
  };
  const normalized = normalize(net, x, width);
  const [query, key, value] = [0, 1, 2].map(() => project(normalized, width, width)) as [
    string,
    string,
    string,
  ];
  const scores = net.add('MatMul', [query, net.add('Transpose', [key], {perm: [0n, 2n, 1n]})]);
  const scaled = net.add('Div', [scores, net.constant([], [Math.sqrt(width)])]);
  const mixed = net.add('MatMul', [net.add('Softmax', [scaled], {axis: net.opset < 13 ? 2n : -1n}), value]);
  const attended = net.add('Add', [x, project(mixed, width, width)]);
  const inner = project(normalize(net, attended, width), width, 2 * width);
  const bell = net.add('Erf', [net.add('Div', [inner, net.constant([], [Math.SQRT2])])]);
  const gelu = net.add('Mul', [inner, net.add('Add', [bell, net.constant([], [1])])]);
  return net.add('Add', [
    attended,
    project(net.add('Mul', [gelu, net.constant([], [0.5])]), 2 * width, width),
  ]);
}

function normalize(net: Net, x: string, width: number): string {
  const [scale, bias] = [
    net.weight([width], {centre: 1, deviation: 0.1}),
    net.weight([width], {deviation: 0.1}),
  ];
  if (net.opset >= 17) return net.add('LayerNormalization', [x, scale, bias], {axis: -1n});
  const centred = net.add('Sub', [x, net.mean(x, [-1])]);
  const variance = net.mean(net.add('Pow', [centred, net.constant([], [2])]), [-1]);
  const deviation = net.add('Sqrt', [net.add('Add', [variance, net.constant([], [1e-5])])]);
  return net.add('Add', [net.add('Mul', [net.add('Div', [centred, deviation]), scale]), bias]);
}

/** A body that reads the features and weights of the graph around it. */
function branch(operator: string, weight: string): ReturnType<typeof createGraph> {
  return createGraph({
    name: operator,
    nodes: [
      createNode('Conv', ['features', weight], [`${operator}_conv`], {
        name: 'conv',
        attributes: attributesFrom({pads: [1n, 1n, 1n, 1n]}),
      }),
      createNode(operator, [`${operator}_conv`], [`${operator}_out`]),
    ],
    outputs: [createUntypedValueInfo(`${operator}_out`)],
  });
}

const halve: OnnxFunction = {
  name: 'ScaledRelu',
  domain: 'own',
  overload: '',
  inputs: ['a'],
  outputs: ['b'],
  attributeNames: [],
  attributes: [],
  nodes: [
    createNode('Relu', ['a'], ['positive']),
    createNode('Constant', [], ['half'], {attributes: attributesFrom({value_float: 0.5})}),
    createNode('Mul', ['positive', 'half'], ['b']),
  ],
  opsetImports: [{domain: '', version: 14, unknown: []}],
  valueInfos: [],
  docString: '',
  metadata: [],
  unknown: [],
};

export const OTHER_NETS: readonly CorpusModel[] = [
  {
    name: 'opset 11, attention written out, open batch and length',
    shapes: {tokens: [1, 6, 16]},
    build() {
      const net = new Net({opset: 11, seed: 70});
      const x = net.input('tokens', ['batch', 'length', 16]);
      return net.model([attention(net, attention(net, x, 16), 16)]);
    },
  },
  {
    name: 'opset 17, attention with LayerNormalization, unnamed',
    build() {
      const net = new Net({opset: 17, seed: 71, names: 'none'});
      return net.model([attention(net, net.input('tokens', ['batch', 6, 16]), 16)]);
    },
  },
  {
    name: 'opset 12, embeddings and an LSTM',
    build() {
      const net = new Net({opset: 12, seed: 72});
      const words = net.input('words', ['batch', 5], 'int64');
      const embedded = net.add('Gather', [net.weight([8, 6]), words]);
      const steps = net.add('Transpose', [embedded], {perm: [1n, 0n, 2n]});
      const weights = [net.weight([1, 16, 6], {deviation: 0.3}), net.weight([1, 16, 4], {deviation: 0.3})];
      net.add('LSTM', [steps, ...weights], {hidden_size: 4n}, ['all', 'last']);
      return net.model([net.gemm(net.squeeze('last', 0), 4, 3), net.squeeze('all', 1)]);
    },
  },
  {
    name: 'opset 7, matrix products and additions',
    build() {
      const net = new Net({opset: 7, seed: 73, names: 'duplicated'});
      let x = net.input('features', ['batch', 20]);
      for (const [inputs, outputs] of [
        [20, 16],
        [16, 12],
        [12, 4],
      ] as const) {
        const product = net.add('MatMul', [x, net.weight([inputs, outputs], {deviation: 0.3})]);
        x = net.add('Relu', [net.add('Add', [product, net.weight([outputs], {deviation: 0.1})])]);
      }
      return net.model([net.add('LogSoftmax', [x])]);
    },
  },
  {
    name: 'opset 13, Gemm and BatchNormalization',
    build() {
      const net = new Net({opset: 13, seed: 74});
      const x = net.input('features', ['batch', 20]);
      const hidden = net.add('Relu', [
        net.batchNormalization(net.gemm(x, 20, 16, {alpha: 0.5, beta: 2}), 16),
      ]);
      return net.model([net.gemm(hidden, 16, 4)]);
    },
  },
  {
    name: 'opset 14, weights through Transpose, Identity and ConstantOfShape',
    build() {
      const net = new Net({opset: 14, seed: 75});
      const x = net.input('features', ['batch', 12]);
      const turned = net.add('Transpose', [net.add('Identity', [net.weight([8, 12], {deviation: 0.3})])]);
      const filled = net.add('ConstantOfShape', [net.integers(8, 4)]);
      const weight = net.add('Add', [filled, net.weight([8, 4], {deviation: 0.3})]);
      return net.model([net.add('MatMul', [net.add('Relu', [net.add('MatMul', [x, turned])]), weight])]);
    },
  },
  {
    name: 'opset 12, If with convolutions in its branches',
    build() {
      const net = new Net({opset: 12, seed: 76});
      const x = net.input('image', [1, 3, 8, 8]);
      const flag = net.input('flag', [], 'bool');
      const stem = net.add('Relu', [net.conv(x, 3, 4, 3)]);
      net.add('Identity', [stem], {}, ['features']);
      const weight = net.weight([4, 4, 3, 3], {deviation: 0.3});
      const chosen = net.add('If', [flag], {
        then_branch: branch('Relu', weight),
        else_branch: branch('Tanh', weight),
      });
      return net.model([net.conv(chosen, 4, 2, 1)]);
    },
  },
  {
    name: 'opset 10, Loop with operators that changed in its body',
    build() {
      const net = new Net({opset: 10, seed: 77});
      const x = net.gemm(net.input('state', [2, 6]), 6, 6);
      const weight = net.weight([6, 6], {deviation: 0.3});
      const body = createGraph({
        name: 'body',
        inputs: [
          createValueInfo('round', 'int64', []),
          createValueInfo('going', 'bool', []),
          createValueInfo('carried', 'float32', [2, 6]),
        ],
        nodes: [
          createNode('MatMul', ['carried', weight], ['product']),
          createNode('Clip', ['product'], ['clipped'], {attributes: attributesFrom({min: -1, max: 1})}),
          createNode('Softmax', ['clipped'], ['next']),
          createNode('Identity', ['going'], ['goes']),
        ],
        outputs: [createValueInfo('goes', 'bool', []), createValueInfo('next', 'float32', [2, 6])],
      });
      const rounds = net.constant([], [3], 'int64');
      return net.model([net.gemm(net.add('Loop', [rounds, '', x], {body}), 6, 3)]);
    },
  },
  {
    name: 'opset 9, Scan',
    build() {
      const net = new Net({opset: 9, seed: 78});
      const x = net.gemm(net.input('steps', [5, 4]), 4, 4);
      const body = createGraph({
        name: 'body',
        inputs: [createValueInfo('sum', 'float32', [4]), createValueInfo('step', 'float32', [4])],
        nodes: [createNode('Add', ['sum', 'step'], ['total']), createNode('Identity', ['total'], ['shown'])],
        outputs: [createValueInfo('total', 'float32', [4]), createValueInfo('shown', 'float32', [4])],
      });
      net.add('Scan', [net.constant([4], [0, 0, 0, 0]), x], {body, num_scan_inputs: 1n}, ['sums', 'all']);
      return net.model(['sums', net.gemm('all', 4, 3)]);
    },
  },
  {
    name: "opset 14, a function of the model's own",
    build() {
      const net = new Net({opset: 14, seed: 79});
      const x = net.conv(net.input('image', [1, 3, 8, 8]), 3, 4, 3);
      const called = net.push(createNode('ScaledRelu', [x], ['called'], {domain: 'own', name: 'call'}));
      return net.model([net.conv(called, 4, 2, 1)], {
        functions: [halve],
        opsetImports: ['', 'own'].map(domain => ({domain, version: domain === '' ? 14 : 1, unknown: []})),
      });
    },
  },
  {
    name: 'opset 13, integers already',
    build() {
      const net = new Net({opset: 13, seed: 80});
      const [scale, zero] = [net.constant([], [0.02]), net.constant([], [128], 'uint8')];
      const quantized = net.add('QuantizeLinear', [net.input('features', [1, 8]), scale, zero]);
      const x = net.add('DequantizeLinear', [quantized, scale, zero]);
      const integers = net.constant(
        [8, 4],
        Array.from({length: 32}, (_, at) => ((at * 37) % 255) - 127),
        'int8',
      );
      const weight = net.add('DequantizeLinear', [integers, net.constant([], [0.01])]);
      return net.model([net.gemm(net.add('Relu', [net.add('MatMul', [x, weight])]), 4, 3)]);
    },
  },
  {
    name: 'opset 13, outputs that are inputs, weights and in between; odd names',
    build() {
      const net = new Net({opset: 13, seed: 81, names: 'duplicated'});
      const x = net.input('Eingabe: "Bild"/größe 1', [1, 3, 6, 6]);
      const weight = net.weight([2, 2]);
      const middle = net.add('Relu', [net.conv(x, 3, 4, 3)], {}, ['a b/c:0']);
      return net.model([x, middle, net.conv(middle, 4, 2, 3), weight]);
    },
  },
  {
    name: 'opset 15, a tail in double precision',
    build() {
      const net = new Net({opset: 15, seed: 82});
      const logits = net.gemm(net.input('features', ['batch', 12]), 12, 5);
      const double = net.add('Cast', [logits], {to: 11n});
      const scaled = net.add('Mul', [double, net.constant([], [0.1], 'float64')]);
      net.add('Exp', [scaled], {}, ['exact']);
      return net.model([['exact', 'float64'], logits]);
    },
  },
  {
    name: 'opset 18, two inputs, Where, layers that nothing needs',
    build() {
      const net = new Net({opset: 18, seed: 83});
      const [x, mask] = [net.input('features', ['batch', 8]), net.input('mask', ['batch', 8], 'bool')];
      const hidden = net.add('Where', [mask, net.gemm(x, 8, 8), net.constant([], [0])]);
      net.add('Sqrt', [net.gemm(hidden, 8, 99)]);
      return net.model([net.gemm(net.add('Relu', [hidden]), 8, 4)]);
    },
  },
];
