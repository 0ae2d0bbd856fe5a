import {describe, expect, it} from 'vitest';
import {dropUnused} from '../../../src/model/dropUnused.ts';
import {fixInputShapes} from '../../../src/model/fixInputShapes.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {nameLayers} from '../../../src/model/nameLayers.ts';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxGraph, OnnxModel} from '../../../src/model/onnx/messages.ts';
import {pruneOpsetImports} from '../../../src/model/pruneOpsetImports.ts';
import {stripOverridableInitializers} from '../../../src/model/stripOverridableInitializers.ts';
import {floatWeight, modelWithBodies} from './handMadeModels.ts';

const relu = createNode('Relu', ['x'], ['y'], {name: 'relu'});
const plain = (parts: Partial<OnnxGraph>, rest: Partial<OnnxModel> = {}) =>
  createModel(
    createGraph({
      nodes: [relu],
      inputs: [createValueInfo('x', 'float32', [1, 2])],
      outputs: [createValueInfo('y', 'float32', [1, 2])],
      ...parts,
    }),
    rest,
  );

it.each([
  ['stripOverridableInitializers', stripOverridableInitializers],
  ['nameLayers', nameLayers],
  ['dropUnused', dropUnused],
  ['pruneOpsetImports', pruneOpsetImports],
  ['fixInputShapes', (model: OnnxModel) => fixInputShapes(model, {})],
])('%s gives the very same model when there is nothing to do', (_, rewrite) => {
  const model = plain({});
  expect(rewrite(model)).toBe(model);
});

it('weights come off the list of inputs, and the format becomes one that allows it', () => {
  const listed = plain(
    {
      initializers: [floatWeight('w', [1], [1])],
      inputs: [createValueInfo('w', 'float32', [1]), createValueInfo('x', 'float32', [1, 2])],
    },
    {irVersion: 3},
  );
  const {irVersion, graph} = stripOverridableInitializers(listed);
  expect([irVersion, graph.inputs.map(({name}) => name)]).toEqual([4, ['x']]);
  expect(stripOverridableInitializers({...listed, irVersion: 10}).irVersion).toBe(10);
});

it('every layer gets a name of its own; the first of a name keeps it, and no given name is taken', () => {
  const nodes = ['', 'a', 'Relu_0', 'a', '', 'b'].map(name => createNode('Relu', ['x'], [], {name}));
  expect(nameLayers(plain({nodes})).graph.nodes.map(({name}) => name)).toEqual([
    'Relu_1',
    'a',
    'Relu_0',
    'Relu_2',
    'Relu_3',
    'b',
  ]);
});

it('what no output depends on goes, weights of it too; unread inputs stay', () => {
  const model = modelWithBodies();
  const dead = [createNode('Mul', ['sum', 'unread'], ['dead']), createNode('Relu', ['dead'], ['deader'])];
  const cleaned = dropUnused({
    ...model,
    graph: {
      ...model.graph,
      nodes: [...model.graph.nodes.slice(0, 2), ...dead, ...model.graph.nodes.slice(2)],
      initializers: [...model.graph.initializers, floatWeight('unread', [1], [1])],
      inputs: [...model.graph.inputs, createValueInfo('idle', 'float32', [1])],
    },
  });
  expect(cleaned.graph.nodes).toEqual(model.graph.nodes);
  // `scale` is read by bodies only.
  expect(cleaned.graph.initializers.map(({name}) => name)).toEqual(['bias', 'scale', 'rounds']);
  expect(cleaned.graph.inputs.map(({name}) => name)).toEqual(['x', 'flag', 'idle']);
});

it('opset imports that only a subgraph or a called function uses are kept, the rest go', () => {
  const model = modelWithBodies();
  const inBody = {
    ...model,
    graph: {
      ...model.graph,
      nodes: model.graph.nodes.map(node =>
        node.name !== 'branch'
          ? node
          : {
              ...node,
              attributes: node.attributes.map(one =>
                one.graph === undefined
                  ? one
                  : {
                      ...one,
                      graph: {
                        ...one.graph,
                        nodes: one.graph.nodes.map(inner => ({
                          ...inner,
                          domain: inner.operator === 'Relu' ? 'com.acme' : '',
                        })),
                      },
                    },
              ),
            },
      ),
    },
    opsetImports: ['', 'com.acme', 'com.microsoft', 'ai.onnx.ml'].map(domain => ({
      domain,
      version: 1,
      unknown: [],
    })),
  };
  expect(pruneOpsetImports(inBody).opsetImports.map(({domain}) => domain)).toEqual(['', 'com.acme']);
});

describe('fixing shapes', () => {
  const twoInputs = plain({
    nodes: [createNode('MatMul', ['x', 'z'], ['y'])],
    inputs: [
      createValueInfo('x', 'float32', ['batch', 'inner', 3]),
      createValueInfo('z', 'float32', ['batch', 3, null]),
    ],
    outputs: [createValueInfo('y', 'float32', ['batch', 'inner', null])],
    valueInfos: [createValueInfo('t', 'float32', ['inner', 'other'])],
  });

  it('writes the sizes into inputs, outputs and everything declared by the same symbols', () => {
    const fixed = fixInputShapes(twoInputs, {x: [1, 5, 3], z: [1, 3, 7]});
    const {tensors} = graphFromModel(fixed);
    expect([tensors.get('x')?.shape, tensors.get('z')?.shape, tensors.get('y')?.dims]).toEqual([
      [1, 5, 3],
      [1, 3, 7],
      [1, 5, null],
    ]);
    expect(fixed.graph.valueInfos[0]?.type?.tensor?.shape?.dims.map(dim => dim.size ?? dim.symbol)).toEqual([
      5,
      'other',
    ]);
  });

  it('takes a size that another input fixes', () => {
    const symbols = plain({
      nodes: [createNode('Add', ['x', 'z'], ['y'])],
      inputs: [createValueInfo('x', 'float32', ['batch', 2]), createValueInfo('z', 'float32', ['batch', 2])],
    });
    expect(graphFromModel(fixInputShapes(symbols, {x: [4, 2]})).tensors.get('z')?.shape).toEqual([4, 2]);
  });

  it('takes any shape where the model declares no rank', () => {
    const unranked = plain({inputs: [createValueInfo('x', 'float32')]});
    expect(graphFromModel(fixInputShapes(unranked, {x: [2, 2]})).tensors.get('x')?.shape).toEqual([2, 2]);
    expect(() => fixInputShapes(unranked, {})).toThrow(/Input "x" is of unknown shape/);
  });

  it.each([
    [
      'input-shape-missing',
      10,
      {x: [1, 5, 3]},
      'Input "z" is [batch, 3, ?] in the model, and no shape was given that fixes it.',
    ],
    [
      'input-shape-conflict',
      2,
      {x: [1, 5, 4], z: [1, 3, 7]},
      'Input "x" is [batch, inner, 3] in the model; [1, 5, 4] was given.',
    ],
    [
      'input-shape-conflict',
      2,
      {x: [1, 5], z: [1, 3, 7]},
      'Input "x" is [batch, inner, 3] in the model; [1, 5] was given.',
    ],
    [
      'input-shape-conflict',
      2,
      {x: [1, 5, 3], z: [2, 3, 7]},
      'Size "batch" is 1 in input "x" but 2 in input "z" as given.',
    ],
    [
      'input-shape-conflict',
      2,
      {image: [1]},
      'A shape is given for input "image", but the model\'s inputs are "x", "z".',
    ],
  ])('says %s (exit %i) for %j', (code, exitCode, shapes, message) => {
    expect(() => fixInputShapes(twoInputs, shapes as unknown as Record<string, number[]>)).toThrow(
      expect.objectContaining({code, exitCode, message}),
    );
  });
});
