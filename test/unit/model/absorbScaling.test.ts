import {describe, expect, it} from 'vitest';
import {absorbScaling} from '../../../src/model/absorbScaling.ts';
import {createNode} from '../../../src/model/onnx/createMessages.ts';
import {floatWeight, runHandMade, valuesOf} from './handMadeModels.ts';
import {modelOfCase, numbers, type OpsetCase} from './opsetCaseParts.ts';

const statistics = ['scale', 'shift', 'mean', 'variance'].map((name, at) =>
  floatWeight(name, [3], [0.5 + at, 1.25 + at / 2, 2 - at / 3]),
);
const normalize = createNode('BatchNormalization', ['x', 'scale', 'shift', 'mean', 'variance'], ['n'], {
  name: 'normalize',
});
const types = new Map([['n', {shape: [1, 3, 2, 2]}]]);

/** Normalise, multiply by `m` and add `a`. */
function scaling(factor: readonly number[], offset: readonly number[], outputs = ['y']): OpsetCase {
  const count = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);
  const values = (dims: readonly number[], first: number) =>
    Array.from({length: count(dims)}, (_, at) => first - at);
  return {
    opset: 13,
    nodes: [
      normalize,
      createNode('Mul', ['m', 'n'], ['p'], {name: 'mul'}),
      createNode('Add', ['p', 'a'], ['y'], {name: 'add'}),
    ],
    outputs,
    weights: [
      ...statistics,
      floatWeight('m', factor, values(factor, 1.5)),
      floatWeight('a', offset, values(offset, 0.25)),
    ],
    feeds: {x: numbers([1, 3, 2, 2])},
  };
}

describe('constants per channel go into the BatchNormalization before them', () => {
  it.each<[string, OpsetCase]>([
    ['of shape [C, 1, 1]', scaling([3, 1, 1], [3, 1, 1])],
    ['with the axis of the batch', scaling([1, 3, 1, 1], [3, 1, 1])],
    ['one for all', scaling([], [1])],
  ])('%s', async (_, one) => {
    const model = modelOfCase(one);
    const {model: result, fused} = absorbScaling(model, types);
    expect(fused).toEqual(['mul', 'add']);
    expect(result.graph.nodes.map(({name}) => name)).toEqual(['normalize']);
    const expected = valuesOf((await runHandMade(model, one.feeds))['y']);
    const found = valuesOf((await runHandMade(result, one.feeds))['y']);
    expected.forEach((value, at) => expect(found[at]).toBeCloseTo(value, 5));
  });
});

it.each<[string, OpsetCase, readonly string[]]>([
  ['a constant per column is none per channel', scaling([3, 1, 2], [3, 1, 1]), []],
  ['a constant of more axes than the tensor is left', scaling([1, 1, 3, 1, 1], [3, 1, 1]), []],
  ['what is an output stays', scaling([3, 1, 1], [3, 1, 1], ['y', 'p']), ['mul']],
])('%s', (_, one, gone) => {
  expect(absorbScaling(modelOfCase(one), types).fused).toEqual(gone);
});

it('without a known rank nothing is taken to be per channel', () => {
  const model = modelOfCase(scaling([3, 1, 1], [3, 1, 1]));
  expect(absorbScaling(model, new Map())).toEqual({model, fused: []});
});
