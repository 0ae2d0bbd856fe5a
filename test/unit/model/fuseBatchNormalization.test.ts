import {describe, expect, it} from 'vitest';
import {fuseBatchNormalization} from '../../../src/model/fuseBatchNormalization.ts';
import {createNode} from '../../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {floatWeight, integerWeight, runHandMade, valuesOf} from './handMadeModels.ts';
import {attributesFrom, modelOfCase, numbers, type OpsetCase, type Values} from './opsetCaseParts.ts';

const CHANNELS = 6;
const statistics = ['scale', 'shift', 'mean', 'variance'].map((name, at) =>
  floatWeight(
    name,
    [CHANNELS],
    Array.from({length: CHANNELS}, (_, channel) => (name === 'variance' ? 0.3 + channel : at - channel / 3)),
  ),
);
const normalize = createNode('BatchNormalization', ['t', 'scale', 'shift', 'mean', 'variance'], ['y'], {
  name: 'normalize',
  attributes: attributesFrom({epsilon: 1e-3}),
});

function before(
  operator: string,
  weight: readonly number[],
  x: readonly number[],
  values: Values = {},
  bias: readonly number[] | null = null,
): OpsetCase {
  const inputs = ['x', 'w', ...(bias === null ? [] : ['b'])];
  return {
    opset: 15,
    nodes: [
      createNode(operator, inputs, ['t'], {name: 'layer', attributes: attributesFrom(values)}),
      normalize,
    ],
    weights: [
      tensorFromValue('w', numbers(weight, 'float32', 3)),
      ...(bias === null ? [] : [tensorFromValue('b', numbers(bias, 'float32', 4))]),
      ...statistics,
    ],
    feeds: {x: numbers(x)},
  };
}

describe('a BatchNormalization goes into the layer before it', () => {
  it.each<[string, OpsetCase]>([
    ['Conv', before('Conv', [6, 2, 3, 3], [1, 2, 5, 5])],
    ['Conv with groups and a bias', before('Conv', [6, 1, 2, 2], [1, 2, 5, 5], {group: 2n}, [6])],
    ['ConvTranspose', before('ConvTranspose', [4, 6, 2, 2], [1, 4, 3, 3], {strides: [2n, 2n]}, [6])],
    ['ConvTranspose with groups', before('ConvTranspose', [4, 3, 3, 2], [1, 4, 3, 3], {group: 2n})],
    ['ConvTranspose in one dimension', before('ConvTranspose', [4, 6, 3], [2, 4, 5])],
    ['Gemm', before('Gemm', [5, 6], [3, 5])],
    [
      'Gemm with a transposed weight, α and β',
      before('Gemm', [6, 5], [3, 5], {transB: 1n, alpha: 0.5, beta: 2}, [6]),
    ],
    ['Gemm with a bias for all', before('Gemm', [5, 6], [3, 5], {beta: -1}, [1])],
    ['Gemm with a bias row', before('Gemm', [5, 6], [3, 5], {}, [1, 6])],
  ])('%s', async (_, one) => {
    const model = modelOfCase(one);
    const {model: result, fused} = fuseBatchNormalization(model);
    expect(fused).toEqual(['normalize']);
    expect(result.graph.nodes.map(({name}) => name)).toEqual(['layer']);
    expect(result.graph.initializers.map(({name}) => name)).toEqual(['normalize/weight', 'normalize/bias']);
    const expected = valuesOf((await runHandMade(model, one.feeds))['y']);
    const found = valuesOf((await runHandMade(result, one.feeds))['y']);
    const largest = Math.max(...expected.map(Math.abs));
    const difference = Math.max(...expected.map((value, at) => Math.abs(value - found[at]!)));
    expect(difference / largest).toBeLessThan(1e-6);
  });
});

describe('it stays', () => {
  const gemm = before('Gemm', [5, 6], [3, 5]);
  const kept: Readonly<Record<string, OpsetCase>> = {
    'where another layer reads what comes before': {
      ...gemm,
      nodes: [...gemm.nodes, createNode('Relu', ['t'], ['z'])],
      outputs: ['y', 'z'],
    },
    'where what comes before is an output': {...gemm, outputs: ['y', 't']},
    'where the bias is not one per channel': before('Gemm', [5, 6], [3, 5], {}, [3, 1]),
    'where the weight is no constant': {
      ...gemm,
      weights: gemm.weights!.filter(({name}) => name !== 'w'),
      feeds: {...gemm.feeds, w: numbers([5, 6])},
    },
    'where it computes its own statistics': {
      ...gemm,
      nodes: [
        gemm.nodes[0]!,
        {...normalize, outputs: ['y', 'm', 'v'], attributes: attributesFrom({training_mode: 1n})},
      ],
    },
    'before a convolution': {
      ...gemm,
      nodes: [
        createNode('Relu', ['x'], ['t'], {name: 'relu'}),
        {...normalize, outputs: ['n']},
        createNode('Conv', ['n', 'w'], ['y'], {name: 'conv'}),
      ],
      weights: [tensorFromValue('w', numbers([2, 6, 1, 1])), ...statistics],
      feeds: {x: numbers([1, 6, 2, 2])},
    },
  };
  it.each(Object.entries(kept))('%s', (_, one) => {
    const model = modelOfCase(one);
    expect(fuseBatchNormalization(model)).toEqual({model, fused: []});
  });
});

it('a weight that another layer reads keeps its values', () => {
  const gemm = before('Gemm', [5, 6], [3, 5]);
  const shared = {
    ...gemm,
    nodes: [...gemm.nodes, createNode('Gemm', ['x', 'w'], ['z'])],
    outputs: ['y', 'z'],
  };
  const names = fuseBatchNormalization(modelOfCase(shared)).model.graph.initializers.map(({name}) => name);
  expect(names).toEqual(['w', 'normalize/weight', 'normalize/bias']);
});

it('names that are taken are left alone', () => {
  const gemm = before('Gemm', [5, 6], [3, 5]);
  const taken = {
    ...gemm,
    nodes: [...gemm.nodes, createNode('Identity', ['normalize/weight'], ['z'])],
    outputs: ['y', 'z'],
    weights: [...gemm.weights!, integerWeight('normalize/weight', [1], [1])],
  };
  const names = fuseBatchNormalization(modelOfCase(taken)).model.graph.initializers.map(({name}) => name);
  expect(names).toContain('normalize/weight_1');
});
