import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {largeWeightsAsInputs} from '../../src/model/largeWeightsAsInputs.ts';
import {stripOverridableInitializers} from '../../src/model/stripOverridableInitializers.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {openModel} from '../../src/workflows/openModel.ts';
import {inferTypes, openOptimizedModel} from '../../src/workflows/optimizedModel.ts';
import {hasSharedModels, SHARED_MODELS} from './sharedModels.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-types-'));
});
afterAll(() => rm(folder, {recursive: true, force: true}));

it.runIf(hasSharedModels)('large weights give the same types and shapes without their values', async () => {
  const opened = openModel(join(SHARED_MODELS, 'squeezenet/squeezenet1.1_fp32.onnx'));
  const model = stripOverridableInitializers(opened.model);
  const large = new Set(model.graph.initializers.map(({name}) => name));
  for (const {name} of largeWeightsAsInputs(model).graph.initializers) large.delete(name);
  expect(large.size).toBeGreaterThan(3);

  const whole = await openOptimizedModel(model, folder, 'disabled');
  whole.close();
  const types = [...(await inferTypes(model, folder))].filter(([name]) => !large.has(name));
  expect(new Map(types)).toEqual(whole.types);
  expect(types.length).toBeGreaterThan(model.graph.nodes.length / 2);
  opened.close();
});

it('types are inferred of a model in which there is nothing to optimise, and it stays as it is', async () => {
  const weight = {elementType: 'float32', shape: [3, 2], bytes: new Uint8Array(24)} as const;
  const model = createModel(
    createGraph({
      nodes: [
        createNode('MatMul', ['x', 'w'], ['product'], {name: 'multiply'}),
        createNode('Sigmoid', ['product'], ['y'], {name: 'squash'}),
      ],
      initializers: [tensorFromValue('w', weight)],
      inputs: [createValueInfo('x', 'float32', [4, 3])],
      outputs: [createValueInfo('y', 'float32', [4, 2])],
    }),
    {opsetImports: [{domain: '', version: 13, unknown: []}], irVersion: 8},
  );
  const optimized = await openOptimizedModel(model, folder, 'basic');
  expect(optimized.types.get('product')).toEqual({elementType: 'float32', shape: [4, 2]});
  const {nodes, initializers, valueInfos} = optimized.model.graph;
  expect(nodes.map(({name}) => name)).toEqual(['multiply', 'squash']);
  expect([initializers.map(({name}) => name), valueInfos]).toEqual([['w'], []]);
  optimized.close();
});

it.each([6, 7, 11, 13])('types are inferred without any optimisation: opset %i', async opset => {
  const model = createModel(
    createGraph({
      nodes: [
        createNode('Sigmoid', ['x'], ['first'], {name: 'first'}),
        createNode('Concat', ['first', 'x'], ['y'], {
          name: 'second',
          attributes: [createAttribute('axis', {int: 0n})],
        }),
      ],
      inputs: [createValueInfo('x', 'float32', [4, 3])],
      outputs: [createValueInfo('y', 'float32', [8, 3])],
    }),
    {opsetImports: [{domain: '', version: opset, unknown: []}], irVersion: 4},
  );
  const types = await inferTypes(model, folder);
  // Before opset 7 there is no operator to ask for it with: what the runtime leaves out is measured then.
  const inferred = {elementType: 'float32', shape: [4, 3]};
  expect(types.get('first')).toEqual(opset < 7 ? undefined : inferred);
  expect(types.get('y')).toEqual({elementType: 'float32', shape: [8, 3]});
});
