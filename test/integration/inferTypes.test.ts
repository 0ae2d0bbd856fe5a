import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {largeWeightsAsInputs} from '../../src/model/largeWeightsAsInputs.ts';
import {stripOverridableInitializers} from '../../src/model/stripOverridableInitializers.ts';
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
