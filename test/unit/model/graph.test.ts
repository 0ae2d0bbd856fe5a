import {describe, expect, it} from 'vitest';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxGraph, OnnxNode} from '../../../src/model/onnx/messages.ts';
import {floatWeight, modelWithBodies} from './handMadeModels.ts';

const modelOf = (nodes: readonly OnnxNode[], parts: Partial<OnnxGraph> = {}) =>
  createModel(
    createGraph({
      nodes,
      inputs: [createValueInfo('x', 'float32', ['batch', 4])],
      outputs: [createValueInfo('y', 'float32', [1, 4])],
      ...parts,
    }),
  );

describe('a graph', () => {
  it('knows who makes and who reads each tensor', () => {
    const graph = graphFromModel(
      modelOf(
        [
          createNode('Mul', ['x', 'w'], ['a'], {name: 'scale'}),
          createNode('Add', ['a', 'a'], ['y'], {name: 'double'}),
        ],
        {
          initializers: [floatWeight('w', [4], [1, 2, 3, 4])],
          // The old style: a weight listed as an input too.
          inputs: [createValueInfo('x', 'float32', ['batch', 4]), createValueInfo('w', 'float32', [4])],
        },
      ),
    );
    expect(graph.inputs).toEqual(['x']);
    expect(graph.tensors.get('x')).toMatchObject({
      producer: null,
      consumers: [0],
      isInput: true,
      dims: ['batch', 4],
    });
    expect(graph.tensors.get('x')?.shape).toBeUndefined();
    expect(graph.tensors.get('w')).toMatchObject({
      isWeight: true,
      isInput: false,
      shape: [4],
      elementType: 'float32',
    });
    expect(graph.tensors.get('a')).toMatchObject({producer: 0, consumers: [1], isOutput: false});
    expect(graph.tensors.get('y')).toMatchObject({producer: 1, consumers: [], isOutput: true, shape: [1, 4]});
  });

  it('lists what the bodies of If and Loop read from outside, two levels down too', () => {
    const graph = graphFromModel(modelWithBodies());
    expect(graph.layers.map(({name, inputs, outerInputs}) => [name, inputs, outerInputs])).toEqual([
      ['add', ['x', 'bias'], []],
      ['squash', ['sum'], []],
      ['branch', ['flag'], ['sum', 'scale', 'hidden']],
      ['repeat', ['rounds', 'chosen'], ['hidden']],
    ]);
    expect(graph.tensors.get('hidden')?.consumers).toEqual([2, 3]);
    expect(graph.tensors.get('scale')?.consumers).toEqual([2]);
  });

  it('puts a file that is out of order into order, and leaves an ordered one alone', () => {
    const nodes = [
      createNode('Relu', ['b'], ['y'], {name: 'third'}),
      createNode('Relu', ['x'], ['a'], {name: 'first'}),
      createNode('Relu', ['a'], ['b'], {name: 'second'}),
      createNode('Relu', ['x'], ['aside'], {name: 'aside'}),
    ];
    expect(graphFromModel(modelOf(nodes)).layers.map(({name}) => name)).toEqual([
      'first',
      'second',
      'third',
      'aside',
    ]);
    const ordered = [nodes[1]!, nodes[3]!, nodes[2]!, nodes[0]!];
    expect(graphFromModel(modelOf(ordered)).layers.map(({node}) => node)).toEqual(ordered);
  });

  it.each([
    [
      'model-has-cycle',
      [
        createNode('Add', ['x', 'b'], ['a'], {name: 'loop'}),
        createNode('Relu', ['a'], ['b']),
        createNode('Relu', ['b'], ['y']),
      ],
      'layer "loop" (Add)',
    ],
    [
      'tensor-produced-twice',
      [createNode('Relu', ['x'], ['y'], {name: 'one'}), createNode('Tanh', ['x'], ['y'], {name: 'two'})],
      'Tensor "y" is produced by layer "two" (Tanh), but it is already produced by layer "one" (Relu).',
    ],
    ['tensor-produced-twice', [createNode('Relu', ['x'], ['x'])], 'an input or weight of the model'],
    [
      'tensor-missing',
      [createNode('Add', ['x', 'ghost'], ['y'])],
      'Tensor "ghost" is read by layer number 0 (Add)',
    ],
    ['tensor-missing', [createNode('Relu', ['x'], ['z'])], 'Tensor "y" is an output of the model'],
  ])('refuses a bad one with %s', (code, nodes, sentence) => {
    expect(() => graphFromModel(modelOf(nodes))).toThrow(
      expect.objectContaining({code, exitCode: 10, message: expect.stringContaining(sentence) as string}),
    );
  });

  it.each([
    ['weights', {initializers: [floatWeight('w', [1], [1]), floatWeight('w', [1], [2])]}],
    ['inputs', {inputs: [createValueInfo('x', 'float32', [1]), createValueInfo('x', 'float32', [2])]}],
  ])('refuses a name that is twice among the %s', (what, parts) => {
    expect(() => graphFromModel(modelOf([createNode('Relu', ['x'], ['y'])], parts))).toThrow(
      expect.objectContaining({
        code: 'tensor-produced-twice',
        message: expect.stringContaining(`twice among the ${what}`) as string,
      }),
    );
  });

  it('has 100,000 layers in well under a minute', () => {
    const nodes = Array.from({length: 100_000}, (_, index) =>
      createNode('Relu', [index === 0 ? 'x' : `t${index}`], [`t${index + 1}`]),
    );
    nodes.push(createNode('Relu', ['t100000'], ['y']));
    expect(graphFromModel(modelOf(nodes.toReversed())).layers.at(-1)?.outputs).toEqual(['y']);
  });
});
