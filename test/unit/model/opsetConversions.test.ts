import {describe, expect, it} from 'vitest';
import {raiseOpset, standardOpset} from '../../../src/model/opset/raiseOpset.ts';
import {NEWEST_OPSET} from '../../../src/model/opset/operatorChanges.ts';
import {createGraph, createNode, createValueInfo} from '../../../src/model/onnx/createMessages.ts';
import {integerWeight, readBytes, runHandMade} from './handMadeModels.ts';
import {bytesFromModel} from '../../../src/model/onnx/writeModel.ts';
import {floatsIn, modelOfCase, numbers, oneNode, type OpsetCase} from './opsetCaseParts.ts';
import {normal, normalInputs, OPSET_CASES, scales, x} from './opsetCases.ts';

describe.each(Object.entries(OPSET_CASES))('%s', (_, one: OpsetCase) => {
  it.each([13, 17, NEWEST_OPSET].filter(target => target > one.opset))(
    'answers the same bits in opset %i',
    async target => {
      const model = modelOfCase(one);
      const raised = raiseOpset(model, target).model;
      expect(standardOpset(raised)).toBe(target);
      // Written and read, so that nothing is right in memory only.
      const before = await runHandMade(readBytes(bytesFromModel(model)), one.feeds);
      const after = await runHandMade(readBytes(bytesFromModel(raised)), one.feeds);
      expect(after).toEqual(before);
    },
  );
});

describe('what is refused, by name', () => {
  const refusals: Readonly<Record<string, readonly [OpsetCase, number, RegExp]>> = {
    'a Dropout whose mask is used': [
      {opset: 10, nodes: [oneNode('Dropout', {}, ['x'], ['y', 'm'])], outputs: ['y', 'm'], feeds: x(2)},
      13,
      /^Layer layer \(Dropout\) cannot be raised from opset 10 to 13: its mask is used\.$/,
    ],
    'a BatchNormalization by element': [
      {
        opset: 7,
        nodes: [oneNode('BatchNormalization', {spatial: 0n}, normalInputs)],
        weights: normal,
        feeds: x(2, 3, 4),
      },
      13,
      /statistics of its own \(spatial = 0\)/,
    ],
    'a Resize of unknown scales': [
      {
        opset: 10,
        nodes: [oneNode('Resize', {}, ['x', 'scales'])],
        feeds: {x: numbers([1, 1, 2, 2]), scales: floatsIn([4], [1, 1, 2, 2])},
      },
      13,
      /its scales are not constant/,
    ],
    'a Resize both ways': [
      {
        opset: 10,
        nodes: [oneNode('Resize', {}, ['x', 'scales'])],
        weights: [scales(1, 1, 2, 0.5)],
        feeds: x(1, 1, 4, 4),
      },
      13,
      /one axis larger and another smaller/,
    ],
    'a Scan of version 8': [
      {opset: 8, nodes: [oneNode('Scan', {}, ['', 'x'])], feeds: x(1, 2, 3)},
      13,
      /\(Scan\).* its meaning changed in opset 9/,
    ],
    'a GroupNormalization of version 18': [
      {opset: 18, nodes: [oneNode('GroupNormalization', {}, ['x', 's', 'b'])], feeds: x(1, 2, 3)},
      21,
      /\(GroupNormalization\).* its meaning changed in opset 21/,
    ],
    'an Add that broadcasts by attributes': [
      {opset: 6, nodes: [oneNode('Add', {broadcast: 1n, axis: 1n}, ['x', 'x'])], feeds: x(2, 3)},
      13,
      /\(Add\) cannot be raised from opset 6 to 13: its meaning changed in opset 7/,
    ],
    'a PRelu that broadcasts as it did before': [
      {opset: 6, nodes: [oneNode('PRelu', {}, ['x', 'x'])], feeds: x(2, 3)},
      13,
      /\(PRelu\).*opset 7/,
    ],
    'an operator that ONNX had not yet': [
      {opset: 8, nodes: [oneNode('Erf')], feeds: x(2)},
      13,
      /\(Erf\).* ONNX has it only from opset 9 on/,
    ],
    "an operator of ONNX Runtime's own in the standard domain": [
      {opset: 8, nodes: [oneNode('ImageScaler', {scale: 2})], feeds: x(1, 1, 2, 2)},
      13,
      /\(ImageScaler\).* ONNX has no such operator/,
    ],
    'half pixels of TensorFlow with another rounding': [
      {
        opset: 11,
        nodes: [
          oneNode('Resize', {coordinate_transformation_mode: 'tf_half_pixel_for_nn'}, ['x', '', 'scales']),
        ],
        weights: [scales(1, 1, 2, 2)],
        feeds: x(1, 1, 2, 2),
      },
      13,
      /tf_half_pixel_for_nn exists no more/,
    ],
  };
  it.each(Object.entries(refusals))('%s', (_, [one, target, message]) => {
    expect(() => raiseOpset(modelOfCase(one), target)).toThrow(
      expect.objectContaining({
        code: 'opset-unsupported',
        exitCode: 13,
        message: expect.stringMatching(message) as string,
        hints: [`Export the model again with opset ${target} or later.`],
      }),
    );
  });
});

describe('bodies', () => {
  const body = createGraph({
    name: 'body',
    inputs: [
      createValueInfo('round', 'int64', []),
      createValueInfo('going', 'bool', []),
      createValueInfo('carried', 'float32', [2, 3]),
    ],
    nodes: [
      createNode('Add', ['carried', 'outer'], ['sum'], {name: 'add'}),
      oneNode('Clip', {min: -1, max: 1.5}, ['sum'], ['clipped']),
      createNode('Softmax', ['clipped'], ['next'], {name: 'softmax'}),
      createNode('Identity', ['going'], ['goes']),
    ],
    outputs: [createValueInfo('goes', 'bool', []), createValueInfo('next', 'float32', [2, 3])],
  });
  const loop: OpsetCase = {
    opset: 8,
    nodes: [
      createNode('Exp', ['x'], ['outer'], {name: 'exp'}),
      oneNode('Loop', {body}, ['rounds', '', 'outer']),
    ],
    weights: [integerWeight('rounds', [], [3])],
    feeds: x(2, 3),
  };

  it('are converted too, and told by the layer they are in', async () => {
    const model = modelOfCase(loop);
    const {model: raised, conversions} = raiseOpset(model, 17);
    expect(conversions).toEqual([
      {layer: 'layer', what: 'Clip: min, max became inputs'},
      {layer: 'layer', what: 'Softmax: axes from 1 on are flattened into one and back'},
    ]);
    expect(await runHandMade(raised, loop.feeds)).toEqual(await runHandMade(model, loop.feeds));
  });

  it('never get a name that is taken, in themselves or around them', () => {
    const taken = integerWeight('layer/min', [], [3]);
    const {graph} = raiseOpset(modelOfCase({...loop, weights: [...(loop.weights ?? []), taken]}), 13).model;
    const inner = graph.nodes[1]!.attributes[0]!.graph!;
    expect(inner.nodes.flatMap(node => node.outputs)).toContain('layer/min_1');
  });
});

describe('functions of a model', () => {
  const withFunction = (nodes: readonly ReturnType<typeof createNode>[], attributeNames: string[] = []) => ({
    ...modelOfCase({
      opset: 11,
      nodes: [createNode('Half', ['x'], ['y'], {domain: 'own', name: 'call'})],
      feeds: x(2, 3, 2),
    }),
    functions: [
      {
        name: 'Half',
        domain: 'own',
        overload: '',
        inputs: ['a'],
        outputs: ['b'],
        attributeNames,
        attributes: [],
        nodes,
        opsetImports: [{domain: '', version: 11, unknown: []}],
        valueInfos: [],
        docString: '',
        metadata: [],
        unknown: [],
      },
    ],
    opsetImports: ['', 'own'].map(domain => ({domain, version: domain === '' ? 11 : 1, unknown: []})),
  });

  it('are converted too', async () => {
    const model = withFunction([
      createNode('Softmax', ['a'], ['s'], {name: 'softmax'}),
      oneNode('ReduceSum', {axes: [1n]}, ['s'], ['b']),
    ]);
    const {model: raised, conversions} = raiseOpset(model, 13);
    expect(conversions.map(({layer}) => layer)).toEqual(['Half', 'Half']);
    expect(raised.functions[0]?.opsetImports[0]?.version).toBe(13);
    const feeds = x(2, 3, 2);
    expect(await runHandMade(raised, feeds)).toEqual(await runHandMade(model, feeds));
  });

  it('are refused where an attribute that has to become an input comes from the caller', () => {
    const [axes] = oneNode('ReduceSum', {axes: [1n]}).attributes;
    const node = {
      ...oneNode('ReduceSum', {}, ['a'], ['b']),
      attributes: [{...axes!, ints: [], refAttributeName: 'axes'}],
    };
    expect(() => raiseOpset(withFunction([node], ['axes']), 13)).toThrow(
      'Layer Half (ReduceSum) cannot be raised from opset 11 to 13: its attribute axes is given by the caller of a function.',
    );
  });

  it('are refused where the type of a constant is not known', () => {
    const node = oneNode('Pad', {pads: [0n, 0n, 0n, 0n, 0n, 1n], value: 2}, ['a'], ['b']);
    const model = withFunction([node]);
    const old = {
      ...model,
      functions: model.functions.map(fn => ({...fn, opsetImports: [{domain: '', version: 10, unknown: []}]})),
    };
    expect(() => raiseOpset(old, 13)).toThrow('the element type of its input "a" is not known');
  });
});

it('a model that is new enough stays the very same object', () => {
  const model = modelOfCase({opset: 17, nodes: [oneNode('Relu')], feeds: x(2)});
  expect(raiseOpset(model, 13)).toEqual({model, conversions: []});
  expect(raiseOpset(model, 13).model).toBe(model);
});

it('what was measured tells sizes that the model leaves open', () => {
  const model = modelOfCase({
    opset: 9,
    nodes: [createNode('Relu', ['x'], ['r'], {name: 'relu'}), oneNode('Softmax', {}, ['r'])],
    feeds: x(1, 10, 1, 1),
  });
  const measured = new Map([['r', {elementType: 'float32', shape: [1, 10, 1, 1]} as const]]);
  const {conversions} = raiseOpset(model, 13, measured);
  expect(conversions).toEqual([{layer: 'layer', what: 'Softmax: it works on axis 1 alone'}]);
});
