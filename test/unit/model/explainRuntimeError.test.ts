import {expect, it} from 'vitest';
import {messageOf} from '../../../src/errors.ts';
import {explainRuntimeError} from '../../../src/model/explainRuntimeError.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode} from '../../../src/model/onnx/messages.ts';
import {floatTensor, floatWeight, integerWeight, runHandMade} from './handMadeModels.ts';

function modelOf(
  nodes: readonly OnnxNode[],
  imports: readonly (readonly [string, number])[] = [['', 17]],
): OnnxModel {
  return createModel(
    createGraph({
      nodes: [createNode('Relu', ['x'], ['start'], {name: 'first'}), ...nodes],
      inputs: [createValueInfo('x', 'float32', [1, 4])],
      outputs: [createUntypedValueInfo('y')],
      initializers: [integerWeight('shape', [1], [7]), floatWeight('half', [], [0.5])],
    }),
    {opsetImports: imports.map(([domain, version]) => ({domain, version, unknown: []}))},
  );
}

const cast = (from: string, to: string, code: bigint) =>
  createNode('Cast', [from], [to], {name: `cast_${to}`, attributes: [createAttribute('to', {int: code})]});

// The real runtime is asked each time, so that a new wording fails here and not in front of a user.
it.each<[string, OnnxModel, string, string, boolean]>([
  [
    'an operator of a domain it does not have',
    modelOf(
      [createNode('DecodeImage', ['start'], ['y'], {name: 'decode', domain: 'com.acme'})],
      [
        ['', 17],
        ['com.acme', 1],
      ],
    ),
    'decode',
    'com.acme:DecodeImage',
    true,
  ],
  [
    'a domain that is not imported',
    modelOf([createNode('DecodeImage', ['start'], ['y'], {name: 'decode', domain: 'com.acme'})]),
    'decode',
    'com.acme:DecodeImage',
    true,
  ],
  [
    'an unknown standard operator',
    modelOf([createNode('Frobnicate', ['start'], ['y'], {name: 'frob'})]),
    'frob',
    'Frobnicate',
    true,
  ],
  [
    'one of two unknown operators, by name',
    modelOf([createNode('Relu', ['start'], ['a']), createNode('Frobnicate', ['a'], ['y'], {name: 'second'})]),
    'second',
    'Frobnicate',
    true,
  ],
  [
    'an unknown operator inside a body',
    modelOf(
      [
        createNode('If', ['yes'], ['y'], {
          name: 'branch',
          attributes: ['then_branch', 'else_branch'].map(name =>
            createAttribute(name, {
              graph: createGraph({
                nodes: [createNode('Frobnicate', ['start'], [`${name}_out`], {name: 'inner'})],
                outputs: [createUntypedValueInfo(`${name}_out`)],
              }),
            }),
          ),
        }),
        cast('half', 'yes', 9n),
      ].toReversed(),
    ),
    'branch',
    'Frobnicate',
    true,
  ],
  [
    'an operator newer than the opset',
    modelOf([createNode('HardSwish', ['start'], ['y'], {name: 'swish'})], [['', 11]]),
    'swish',
    'HardSwish',
    true,
  ],
  [
    'a type without a kernel',
    modelOf([cast('start', 'big', 11n), createNode('HardSigmoid', ['big'], ['y'], {name: 'gate'})]),
    'gate',
    'HardSigmoid',
    true,
  ],
  [
    'a type the operator does not take',
    modelOf([cast('start', 'word', 8n), createNode('Relu', ['word'], ['y'], {name: 'wordy'})]),
    'wordy',
    'Relu',
    false,
  ],
  [
    'shapes that do not fit',
    modelOf([createNode('MatMul', ['start', 'start'], ['y'], {name: 'product'})]),
    'product',
    'MatMul',
    false,
  ],
  [
    'a failure while running',
    modelOf([createNode('Reshape', ['start', 'shape'], ['y'], {name: 'reshape'})]),
    'reshape',
    'Reshape',
    false,
  ],
])('the layer is found behind the message about %s', async (_, model, layer, operator, isUnknownOperator) => {
  const message = await runHandMade(model, {x: floatTensor([1, 4], [1, 2, 3, 4])}).then(
    () => 'it ran',
    (error: unknown) => messageOf(error),
  );
  expect(explainRuntimeError(message, graphFromModel(model)), message).toEqual({
    layer,
    operator,
    isUnknownOperator,
  });
});

it.each(['Protobuf parsing failed.', 'Fatal error: com.other:Thing(-1) is not a registered function/op'])(
  'a message about no layer of this graph is not explained: %s',
  message => {
    expect(
      explainRuntimeError(message, graphFromModel(modelOf([createNode('Relu', ['start'], ['y'])]))),
    ).toBeNull();
  },
);
