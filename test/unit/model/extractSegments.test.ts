import {describe, expect, it} from 'vitest';
import {extractSegments} from '../../../src/model/extractSegments.ts';
import {withMeasuredTypes} from '../../../src/model/exposeAllTensors.ts';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {
  createGraph,
  createModel,
  createNode,
  createUntypedValueInfo,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {NamedTensors, Tensor} from '../../../src/documents/tensor.ts';
import type {Graph} from '../../../src/model/graph.ts';
import {
  floatTensor,
  floatWeight,
  modelWithBodies,
  readBytes,
  runHandMade,
  valuesOf,
} from './handMadeModels.ts';
import {bytesFromModel} from '../../../src/model/onnx/writeModel.ts';

/** Runs the head, then the tail on what it gave; what neither makes is an input of the whole. */
async function runInTwo(
  graph: Graph,
  headLayers: Iterable<number>,
  feeds: NamedTensors,
): Promise<NamedTensors> {
  const {head, tail, headInputs, tailInputs, headOutputs, tailOutputs} = extractSegments(
    graph,
    new Set(headLayers),
  );
  const known: Record<string, Tensor> = {...feeds};
  const pick = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, known[name]!]));
  if (head) {
    const outputs = await runHandMade(head, pick(headInputs));
    expect(Object.keys(outputs).sort()).toEqual([...headOutputs].sort());
    Object.assign(known, outputs);
  }
  if (tail) {
    const outputs = await runHandMade(tail, pick(tailInputs));
    expect(Object.keys(outputs).sort()).toEqual([...tailOutputs].sort());
    Object.assign(known, outputs);
  }
  return pick(graph.outputs);
}

describe('cutting a model', () => {
  it('counts what the bodies of If and Loop read as crossing, and both parts together answer as the whole', async () => {
    const model = modelWithBodies();
    const types = new Map(
      ['sum', 'hidden', 'chosen'].map(name => [name, {elementType: 'float32', shape: [2]} as const]),
    );
    const graph = withMeasuredTypes(graphFromModel(model), types);
    for (const truth of [1, 0]) {
      const flag = {elementType: 'bool', shape: [], bytes: Uint8Array.of(truth)} as const;
      const feeds = {x: floatTensor([2], [1, 2]), flag};
      const whole = await runHandMade(model, feeds);
      for (const layers of [0, 1, 2, 3, 4]) {
        const parts = await runInTwo(
          graph,
          Array.from({length: layers}, (_, index) => index),
          feeds,
        );
        expect(valuesOf(parts['y']), `${layers} layers, flag ${truth}`).toEqual(valuesOf(whole['y']));
      }
    }
    const {boundary, headInputs, tail} = extractSegments(graph, new Set([0, 1]));
    expect(boundary).toEqual(['flag', 'sum', 'hidden']);
    expect(headInputs).toEqual(['x']);
    expect(tail?.graph.initializers.map(({name}) => name)).toEqual(['scale', 'rounds']);
    expect(extractSegments(graph, new Set([0, 1, 2])).boundary).toEqual(['hidden', 'chosen']);
  });

  // u, v -> a = u + w (shared); b = a * v; outputs: a, b, u itself, weight w; input `idle` is read by nobody.
  const manyOutputs = () =>
    createModel(
      createGraph({
        nodes: [
          createNode('Add', ['u', 'w'], ['a'], {name: 'first'}),
          createNode('Mul', ['a', 'v'], ['p']),
          createNode('Add', ['p', 'w'], ['b']),
        ],
        initializers: [floatWeight('w', [2], [10, 20]), floatWeight('spare', [1], [1])],
        inputs: ['u', 'v', 'idle'].map(name => createValueInfo(name, 'float32', [2])),
        outputs: ['a', 'b', 'u', 'w'].map(name => createValueInfo(name, 'float32', [2])),
      }),
      {
        metadata: [{key: 'owner', value: 'acme', unknown: []}],
        opsetImports: [
          {domain: '', version: 17, unknown: []},
          {domain: 'com.microsoft', version: 1, unknown: []},
        ],
      },
    );
  const feeds = {u: floatTensor([2], [1, 2]), v: floatTensor([2], [3, 4])};

  it.each([0, 1, 2, 3])(
    'passes inputs on to the tail and outputs out of the head (%i layers in the head)',
    async layers => {
      const graph = withMeasuredTypes(
        graphFromModel(manyOutputs()),
        new Map([['p', {elementType: 'float32', shape: [2]}]]),
      );
      const parts = await runInTwo(
        graph,
        Array.from({length: layers}, (_, index) => index),
        feeds,
      );
      expect(
        Object.fromEntries(Object.entries(parts).map(([name, tensor]) => [name, valuesOf(tensor)])),
      ).toEqual({
        a: [11, 22],
        b: [43, 108],
        u: [1, 2],
        w: [10, 20],
      });
    },
  );

  it('says where everything goes', () => {
    const segments = extractSegments(graphFromModel(manyOutputs()), new Set([0]));
    const {head, tail, ...names} = segments;
    expect(names).toEqual({
      boundary: ['v', 'a'],
      headInputs: ['u'],
      headOutputs: ['a', 'w'],
      tailInputs: ['v', 'a'],
      tailOutputs: ['b'],
      inputOutputs: ['u'],
      weightOutputs: ['w'],
    });
    for (const part of [head!, tail!]) {
      expect(part.graph.initializers.map(({name}) => name)).toEqual(['w']);
      expect(part.metadata.map(({key}) => key)).toEqual(['owner']);
      expect(part.opsetImports.map(({domain}) => domain)).toEqual(['']);
      expect(part.irVersion).toBe(8);
    }
  });

  it('writes measured types on the boundary where the model declares none', () => {
    const model = createModel(
      createGraph({
        nodes: [createNode('Relu', ['x'], ['t']), createNode('Relu', ['t'], ['y'])],
        inputs: [createValueInfo('x', 'float32', ['batch', 2])],
        outputs: [createUntypedValueInfo('y')],
      }),
    );
    const measured = new Map(
      ['t', 'y', 'x'].map(name => [name, {elementType: 'float32', shape: [5, 2]} as const]),
    );
    const {tail} = extractSegments(withMeasuredTypes(graphFromModel(model), measured), new Set([0]));
    const written = graphFromModel(readBytes(bytesFromModel(tail!)));
    expect(written.tensors.get('t')).toMatchObject({elementType: 'float32', shape: [5, 2], isInput: true});
    expect(written.tensors.get('y')).toMatchObject({elementType: 'float32', shape: [5, 2]});
  });

  it('leaves a side without layers out', () => {
    const graph = graphFromModel(manyOutputs());
    expect(extractSegments(graph, new Set()).head).toBeNull();
    expect(extractSegments(graph, new Set([0, 1, 2]))).toMatchObject({
      tail: null,
      boundary: [],
      tailOutputs: [],
    });
  });

  it.each([
    ['a layer without what it needs', [1], /layer 1 .* needs "a" of layer 0/],
    ['a layer that is not there', [7], /no layer 7 among 3/],
  ])('refuses a head with %s', (_, layers, sentence) => {
    const cut = () => extractSegments(graphFromModel(manyOutputs()), new Set(layers));
    expect(cut).toThrow(RangeError);
    expect(cut).toThrow(sentence);
  });

  it('keeps the functions that a part calls, and only those', async () => {
    const body = (name: string, operator: string, inner?: string) => ({
      name,
      domain: 'local',
      overload: '',
      inputs: ['in'],
      outputs: ['out'],
      attributeNames: [],
      attributes: [],
      nodes: inner
        ? [createNode(operator, ['in'], ['mid']), createNode(inner, ['mid'], ['out'], {domain: 'local'})]
        : [createNode(operator, ['in'], ['out'])],
      opsetImports: [
        {domain: '', version: 17, unknown: []},
        {domain: 'local', version: 1, unknown: []},
      ],
      valueInfos: [],
      docString: '',
      metadata: [],
      unknown: [],
    });
    const model = createModel(
      createGraph({
        nodes: [
          createNode('Outer', ['x'], ['t'], {domain: 'local', name: 'outer'}),
          createNode('Flip', ['t'], ['y'], {domain: 'local', name: 'flip'}),
        ],
        inputs: [createValueInfo('x', 'float32', [2])],
        outputs: [createValueInfo('y', 'float32', [2])],
        valueInfos: [createValueInfo('t', 'float32', [2])],
      }),
      {
        functions: [
          body('Outer', 'Abs', 'Inner'),
          body('Inner', 'Sqrt'),
          body('Flip', 'Neg'),
          body('Unused', 'Exp'),
        ],
        opsetImports: [
          {domain: '', version: 17, unknown: []},
          {domain: 'local', version: 1, unknown: []},
        ],
      },
    );
    const graph = graphFromModel(model);
    const {head, tail} = extractSegments(graph, new Set([0]));
    expect(head?.functions.map(({name}) => name)).toEqual(['Outer', 'Inner']);
    expect(tail?.functions.map(({name}) => name)).toEqual(['Flip']);
    const parts = await runInTwo(graph, [0], {x: floatTensor([2], [-4, 9])});
    expect(valuesOf(parts['y'])).toEqual([-2, -3]);
  });
});
