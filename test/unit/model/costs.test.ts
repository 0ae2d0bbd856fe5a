import {describe, expect, it} from 'vitest';
import {describeModel} from '../../../src/model/describeModel.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {layerCosts} from '../../../src/model/layerCosts.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {emptyTensor} from '../../../src/model/onnx/tensorData.ts';
import {taintedByInput} from '../../../src/model/taintedByInput.ts';
import {floatWeight} from './handMadeModels.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A graph whose shapes are all declared; weights carry no values, which costs do not need. */
function graphOf(nodes: readonly OnnxNode[], shapes: Shapes, weights: Shapes = {}) {
  const infos = Object.entries(shapes).map(([name, shape]) => createValueInfo(name, 'float32', shape));
  const initializers: OnnxTensor[] = Object.entries(weights).map(([name, dims]) =>
    emptyTensor(name, 'float32', dims),
  );
  const made = new Set(nodes.flatMap(node => node.outputs));
  const model = createModel(
    createGraph({
      nodes,
      initializers,
      inputs: infos.filter(({name}) => !made.has(name)),
      outputs: infos.filter(({name}) => name === 'y'),
      valueInfos: infos.filter(({name}) => made.has(name) && name !== 'y'),
    }),
  );
  return graphFromModel(model);
}

const attribute = (name: string, value: bigint) => ({attributes: [createAttribute(name, {int: value})]});

describe('multiply-adds', () => {
  it.each<[string, OnnxNode, Shapes, Shapes, number | null]>([
    [
      'a convolution',
      createNode('Conv', ['x', 'w'], ['y']),
      {x: [1, 3, 32, 32], y: [1, 32, 32, 32]},
      {w: [32, 3, 3, 3]},
      884_736,
    ],
    [
      'a depthwise convolution',
      createNode('Conv', ['x', 'w'], ['y']),
      {x: [1, 8, 10, 10], y: [1, 8, 10, 10]},
      {w: [8, 1, 3, 3]},
      7200,
    ],
    [
      'a quantised convolution',
      createNode('QLinearConv', ['x', 's', 'z', 'w'], ['y']),
      {x: [1, 3, 8, 8], y: [1, 4, 8, 8]},
      {w: [4, 3, 1, 1], s: [], z: []},
      768,
    ],
    [
      'a transposed convolution',
      createNode('ConvTranspose', ['x', 'w'], ['y']),
      {x: [1, 4, 5, 5], y: [1, 2, 10, 10]},
      {w: [4, 2, 2, 2]},
      800,
    ],
    [
      'a Gemm',
      createNode('Gemm', ['x', 'w', 'b'], ['y']),
      {x: [2, 64], y: [2, 10]},
      {w: [64, 10], b: [10]},
      1280,
    ],
    [
      'a Gemm of a transposed matrix',
      createNode('Gemm', ['x', 'w'], ['y'], attribute('transA', 1n)),
      {x: [64, 2], y: [2, 10]},
      {w: [64, 10]},
      1280,
    ],
    [
      'a batched matrix product',
      createNode('MatMul', ['x', 'w'], ['y']),
      {x: [4, 8, 16], y: [4, 8, 32]},
      {w: [16, 32]},
      16_384,
    ],
    [
      'a matrix times a vector',
      createNode('MatMul', ['x', 'w'], ['y']),
      {x: [8, 16], y: [8]},
      {w: [16]},
      128,
    ],
    [
      'an LSTM',
      createNode('LSTM', ['x', 'w', 'r'], ['y']),
      {x: [7, 2, 3], y: [7, 1, 2, 5]},
      {w: [1, 20, 3], r: [1, 20, 5]},
      2240,
    ],
    [
      'int4 weights',
      createNode('MatMulNBits', ['x', 'w'], ['y'], attribute('K', 64n)),
      {x: [1, 64], y: [1, 8]},
      {w: [8, 2, 16]},
      512,
    ],
    [
      'an Einsum of two',
      createNode('Einsum', ['x', 'w'], ['y'], {
        attributes: [createAttribute('equation', {string: new TextEncoder().encode('bij, jk -> bik')})],
      }),
      {x: [2, 3, 4], y: [2, 3, 5]},
      {w: [4, 5]},
      120,
    ],
    ['a pooling', createNode('MaxPool', ['x'], ['y']), {x: [1, 3, 8, 8], y: [1, 3, 4, 4]}, {}, 0],
    [
      'a convolution of unknown size',
      createNode('Conv', ['x', 'w'], ['y']),
      {x: [1, 3, 8, 8]},
      {w: [4, 3, 1, 1]},
      null,
    ],
  ])('of %s', (_, node, shapes, weights, expected) => {
    const withOutput = 'y' in shapes ? node : {...node, outputs: ['t']};
    const nodes = 'y' in shapes ? [node] : [withOutput, createNode('Relu', ['t'], ['y'])];
    const graph =
      'y' in shapes ? graphOf(nodes, shapes, weights) : graphOf(nodes, {...shapes, y: [1]}, weights);
    expect(layerCosts(graph).layers[0]?.multiplyAdds).toBe(expected);
  });
});

const twoDense = () =>
  graphOf(
    [
      createNode('MatMul', ['x', 'w'], ['a'], {name: 'one'}),
      createNode('MatMul', ['a', 'w'], ['b'], {name: 'two'}),
      createNode('Add', ['b', 'bias'], ['y'], {name: 'three'}),
    ],
    {x: [1, 4], a: [1, 4], b: [1, 4], y: [1, 4]},
    {w: [4, 4], bias: [4]},
  );

it('a weight that two layers read counts once, for the first, and both are flagged', () => {
  const {layers, totals} = layerCosts(twoDense());
  expect(layers.map(({weightBytes, sharesWeights}) => [weightBytes, sharesWeights])).toEqual([
    [64, true],
    [0, true],
    [16, false],
  ]);
  expect(totals).toEqual({multiplyAdds: 32, weightBytes: 80, activationBytes: 48, layersWithoutCost: 0});
});

it('the description says what crosses at each position and where that is cheap', () => {
  const graph = graphOf(
    [
      createNode('Conv', ['x', 'w'], ['wide'], {name: 'conv'}),
      createNode('MaxPool', ['wide'], ['small'], {name: 'pool'}),
      createNode('Concat', ['small', 'x'], ['both'], {name: 'join', domain: 'com.acme'}),
      createNode('GlobalAveragePool', ['both'], ['tiny'], {name: 'average'}),
      createNode('Relu', ['tiny'], ['y'], {name: 'relu'}),
    ],
    {x: [1, 3, 8, 8], wide: [1, 16, 8, 8], small: [1, 16, 2, 2], both: [1, 100], tiny: [1, 16], y: [1, 16]},
    {w: [16, 3, 1, 1]},
  );
  const described = describeModel(graph, layerCosts(graph));
  expect(described.cuts.map(({after, bytes, tensors}) => [after, bytes, tensors])).toEqual([
    [null, 768, ['x']],
    ['conv', 768 + 4096, ['x', 'wide']],
    ['pool', 768 + 256, ['x', 'small']],
    ['join', 400, ['both']],
    ['average', 64, ['tiny']],
    ['relu', 0, []],
  ]);
  expect(described.cheapestCuts.map(({after}) => after)).toEqual(['average', 'join', 'pool', 'conv']);
  expect(described.layers.map(({operator}) => operator)).toEqual([
    'Conv',
    'MaxPool',
    'com.acme:Concat',
    'GlobalAveragePool',
    'Relu',
  ]);
  expect(described.layers[0]).toMatchObject({multiplyAdds: 3072, weightBytes: 192, activationBytes: 4096});
  expect(JSON.parse(JSON.stringify(described))).toEqual(described);
});

describe('what still is the raw input', () => {
  const tainted = (nodes: readonly OnnxNode[], extra: Parameters<typeof createGraph>[0] = {}) => {
    const model = createModel(
      createGraph({
        nodes,
        inputs: [createValueInfo('x', 'float32', [1, 3, 4, 4])],
        outputs: [createValueInfo(nodes.at(-1)!.outputs[0]!, 'float32')],
        initializers: [floatWeight('mean', [1], [1]), floatWeight('w', [1], [1])],
        ...extra,
      }),
    );
    return [...taintedByInput(graphFromModel(model))].filter(name => name !== 'x');
  };

  it('is followed through conversion, normalisation and rearrangement until a layer mixes values', () => {
    expect(
      tainted([
        createNode('Cast', ['x'], ['a']),
        createNode('Sqrt', ['mean'], ['root']),
        createNode('Sub', ['a', 'mean'], ['b']),
        createNode('Div', ['b', 'root'], ['c']),
        createNode('QuantizeLinear', ['c', 'mean'], ['d']),
        createNode('Transpose', ['d'], ['e']),
        createNode('Split', ['e'], ['f', 'g']),
        createNode('Concat', ['f', 'g'], ['h']),
        createNode('Conv', ['h', 'w'], ['i']),
        createNode('Relu', ['i'], ['j']),
      ]),
    ).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  });

  it('is still in a concatenation with something else, but not in a sum with it', () => {
    expect(
      tainted([
        createNode('Conv', ['x', 'w'], ['features']),
        createNode('Concat', ['x', 'features'], ['both']),
        createNode('Add', ['x', 'features'], ['sum']),
        createNode('Concat', ['sum', 'both'], ['y']),
      ]),
    ).toEqual(['both', 'y']);
  });

  it('is not its shape, and is what an unknown operator or a body makes of it', () => {
    expect(
      tainted([
        createNode('Shape', ['x'], ['size']),
        createNode('Scramble', ['x'], ['z'], {domain: 'com.acme'}),
        createNode('FusedConv', ['x', 'w'], ['f'], {domain: 'com.microsoft'}),
        createNode('Concat', ['size', 'f'], ['y']),
      ]),
    ).toEqual(['z']);
  });
});
