import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {optimizeModel} from '../engine/optimizeModel.ts';
import {declaredTypes, declareTensors} from '../model/declareTensors.ts';
import type {MeasuredType} from '../model/exposeAllTensors.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {largeWeightsAsInputs} from '../model/largeWeightsAsInputs.ts';
import {nameLayers} from '../model/nameLayers.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {pruneOpsetImports} from '../model/pruneOpsetImports.ts';
import {openModel, type OpenModel} from './openModel.ts';
import {INLINE_BYTES, isSmall, writeBesideWeights} from './storeWeights.ts';

export interface OptimizedModel extends OpenModel {
  /** As the runtime infers them; what depends on values is left out. */
  readonly types: ReadonlyMap<string, MeasuredType>;
}

/**
 * The model as ONNX Runtime rewrites it at a portable level, its layers named and its imports those that are used. Its
 * weights, unless its file is small, are ranges of files in `folder`, open until `close`; those of the given model must lie there
 * too then.
 * @throws ExpectedError `model-rejected`, `unsupported-tensor-type`
 */
export async function openOptimizedModel(
  model: OnnxModel,
  folder: string,
  level: 'disabled' | 'basic' | 'extended',
): Promise<OptimizedModel> {
  const input = join(folder, 'input.onnx');
  const output = join(folder, 'output.onnx');
  await writeBesideWeights(declareTensors(model), input);
  await optimizeModel(input, output, level, isSmall(model) ? null : 'output.weights');
  await rm(input);
  const optimized = openModel(output, INLINE_BYTES);
  const named = nameLayers(pruneOpsetImports(optimized.model));
  return {
    model: declaringAs(model, named),
    types: declaredTypes(graphFromModel(named)),
    close: () => optimized.close(),
  };
}

/** Files keep what their makers declared; what is declared for the runtime is not for them. */
function declaringAs(original: OnnxModel, {graph, ...rest}: OnnxModel): OnnxModel {
  const declared = new Set(original.graph.valueInfos.map(({name}) => name));
  const valueInfos = graph.valueInfos.filter(({name}) => declared.has(name));
  return {...rest, graph: {...graph, valueInfos}};
}

/**
 * Type and shape of every tensor as the runtime infers them, without running the model.
 * @throws ExpectedError `model-rejected`, `unsupported-tensor-type`
 */
export async function inferTypes(
  model: OnnxModel,
  folder: string,
): Promise<ReadonlyMap<string, MeasuredType>> {
  const opened = await openOptimizedModel(largeWeightsAsInputs(model), folder, 'disabled');
  opened.close();
  return opened.types;
}
