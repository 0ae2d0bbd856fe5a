import {describe, expect, it} from 'vitest';
import {modelExposingAllTensors, withMeasuredTypes} from '../../../src/model/exposeAllTensors.ts';
import {foldConstants} from '../../../src/model/foldConstants.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {bytesOfTensor, tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {
  floatTensor,
  floatWeight,
  integerWeight,
  modelWithBodies,
  runHandMade,
  valuesOf,
} from './handMadeModels.ts';

const fold = (model: OnnxModel) =>
  foldConstants(model, async part => new Map(Object.entries(await runHandMade(part))));

const modelOf = (nodes: readonly OnnxNode[], initializers: readonly OnnxTensor[] = [], version = 17) =>
  createModel(
    createGraph({
      nodes,
      initializers,
      inputs: [createValueInfo('x', 'float32', [2])],
      outputs: [createUntypedValueInfo('y')],
    }),
    {opsetImports: [{domain: '', version, unknown: []}], irVersion: 10},
  );

const operators = (model: OnnxModel) => model.graph.nodes.map(({operator}) => operator);
const x = floatTensor([2], [1, -2]);

async function expectSameAnswer(model: OnnxModel, folded: OnnxModel): Promise<void> {
  expect((await runHandMade(folded, {x}))['y']).toEqual((await runHandMade(model, {x}))['y']);
}

describe('folding constants', () => {
  it('turns Constant nodes of every numeric kind into weights', async () => {
    const constant = (name: string, attribute: ReturnType<typeof createAttribute>) =>
      createNode('Constant', [], [name], {attributes: [attribute]});
    const model = modelOf([
      constant('a', createAttribute('value', {tensor: floatWeight('inner', [2], [3, 4])})),
      constant('b', createAttribute('value_float', {float: 0.5})),
      constant('c', createAttribute('value_floats', {floats: [1, 2]})),
      constant('d', createAttribute('value_int', {int: 0n})),
      constant('e', createAttribute('value_ints', {ints: [2n]})),
      createNode('Sum', ['x', 'a', 'b', 'c'], ['s']),
      createNode('Unsqueeze', ['s', 'd'], ['u']),
      createNode('Reshape', ['u', 'e'], ['y']),
    ]);
    const folded = await foldConstants(model, () => Promise.reject(new Error('nothing needs to be run')));
    expect(operators(folded)).toEqual(['Sum', 'Unsqueeze', 'Reshape']);
    expect(folded.graph.initializers.map(({name, dims}) => [name, dims])).toEqual([
      ['a', [2]],
      ['b', []],
      ['c', [2]],
      ['d', []],
      ['e', [1]],
    ]);
    await expectSameAnswer(model, folded);
  });

  it('computes weights that are built, and drops what they were built from', async () => {
    const model = modelOf(
      [
        createNode('ConstantOfShape', ['shape'], ['ones'], {
          attributes: [createAttribute('value', {tensor: floatWeight('', [1], [1.5])})],
        }),
        createNode('Mul', ['ones', 'factor'], ['w']),
        createNode('Split', ['w'], ['left', 'right'], {attributes: [createAttribute('axis', {int: 0n})]}),
        createNode('Add', ['x', 'left'], ['h']),
        createNode('Add', ['h', 'w'], ['y']),
      ],
      [integerWeight('shape', [1], [2]), floatWeight('factor', [2], [2, 10])],
    );
    // Two parts of one element each; the right one is read by nobody.
    const folded = await fold(model);
    expect(operators(folded)).toEqual(['Add', 'Add']);
    expect(folded.graph.initializers.map(({name}) => name).sort()).toEqual(['left', 'w']);
    const weight = folded.graph.initializers.find(({name}) => name === 'w')!;
    expect(valuesOf({...x, bytes: bytesOfTensor(weight)})).toEqual([3, 15]);
    await expectSameAnswer(model, folded);
  });

  it('leaves DequantizeLinear alone, but folds what quantises a weight', async () => {
    const zero = tensorFromValue('zero', {elementType: 'uint8', shape: [], bytes: Uint8Array.of(128)});
    const model = modelOf(
      [
        createNode('QuantizeLinear', ['w', 'scale', 'zero'], ['wq']),
        createNode('DequantizeLinear', ['wq', 'scale', 'zero'], ['wd']),
        createNode('Mul', ['x', 'wd'], ['y']),
      ],
      [floatWeight('w', [2], [1, 2]), floatWeight('scale', [], [0.5]), zero],
    );
    const folded = await fold(model);
    expect(operators(folded)).toEqual(['DequantizeLinear', 'Mul']);
    expect(folded.graph.initializers.find(({name}) => name === 'wq')).toMatchObject({
      elementTypeCode: 2,
      dims: [2],
    });
    await expectSameAnswer(model, folded);
  });

  it('leaves 4-bit values alone, whose output would abort the process', async () => {
    const toInt4 = createAttribute('to', {int: 22n});
    const model = modelOf(
      [
        createNode('Cast', ['w'], ['small'], {attributes: [toInt4]}),
        createNode('Transpose', ['small'], ['same']),
        createNode('DequantizeLinear', ['same', 'scale'], ['wide']),
        createNode('Mul', ['x', 'wide'], ['y']),
      ],
      [floatWeight('w', [2], [1, -3]), floatWeight('scale', [], [0.5])],
      21,
    );
    const folded = await fold(model);
    expect(operators(folded)).toEqual(['Cast', 'Transpose', 'DequantizeLinear', 'Mul']);
    const exposed = modelExposingAllTensors(graphFromModel(model));
    expect(exposed.graph.outputs.map(({name}) => name)).toEqual(['y', 'wide']);
    await expectSameAnswer(model, folded);
  });

  it.each([
    [
      'random numbers',
      createNode('RandomUniform', [], ['r'], {attributes: [createAttribute('shape', {ints: [2n]})]}),
    ],
    ['control flow', modelWithBodies().graph.nodes[2]!],
  ])('leaves %s alone', async (_, node) => {
    const made = node.outputs[0]!;
    const flag = tensorFromValue('flag', {elementType: 'bool', shape: [], bytes: Uint8Array.of(1)});
    const inputs = [
      flag,
      floatWeight('sum', [2], [1, 2]),
      floatWeight('hidden', [2], [1, 2]),
      floatWeight('scale', [2], [1, 2]),
    ];
    const model = modelOf([node, createNode('Add', ['x', made], ['y'])], inputs);
    expect(operators(await fold(model))).toEqual([node.operator, 'Add']);
  });

  it('gives an output that is constant as a weight', async () => {
    const model = modelOf([createNode('Neg', ['w'], ['y'])], [floatWeight('w', [2], [1, 2])]);
    const folded = await fold(model);
    expect(operators(folded)).toEqual([]);
    await expectSameAnswer(model, folded);
  });
});

describe('measuring types', () => {
  it('one run with all tensors as outputs tells every type and shape; what is declared stays', async () => {
    const model = modelOf([
      createNode('Shape', ['x'], ['count']),
      createNode('SequenceConstruct', ['x', 'x'], ['pair']),
      createNode('ConcatFromSequence', ['pair'], ['joined'], {
        attributes: [createAttribute('axis', {int: 0n})],
      }),
      createNode('Neg', ['joined'], ['y']),
    ]);
    const graph = graphFromModel(model);
    const exposed = modelExposingAllTensors(graph);
    expect(exposed.graph.outputs.map(({name}) => name)).toEqual(['y', 'count', 'joined']);
    const measured = withMeasuredTypes(graph, new Map(Object.entries(await runHandMade(exposed, {x}))));
    expect(measured.tensors.get('y')).toMatchObject({elementType: 'float32', shape: [4], dims: [4]});
    expect(measured.tensors.get('count')).toMatchObject({elementType: 'int64', shape: [1]});
    const lies = new Map([['x', {elementType: 'int8', shape: [9]} as const]]);
    expect(withMeasuredTypes(graph, lies).tensors.get('x')).toMatchObject({
      elementType: 'float32',
      shape: [2],
    });
  });
});
