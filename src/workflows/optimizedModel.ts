import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {optimizeModel} from '../engine/optimizeModel.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {nameLayers} from '../model/nameLayers.ts';
import {pruneOpsetImports} from '../model/pruneOpsetImports.ts';
import {openModel, type OpenModel} from './openModel.ts';
import {isSmall, writeBesideWeights} from './storeWeights.ts';

/**
 * The model as ONNX Runtime rewrites it at a portable level, its layers named and its imports those that are used. Its
 * weights are ranges of files in `folder`, open until `close`; those of the given model, unless small, must lie there too.
 * @throws ExpectedError `model-rejected`, `unsupported-tensor-type`
 */
export async function openOptimizedModel(
  model: OnnxModel,
  folder: string,
  level: 'basic' | 'extended',
): Promise<OpenModel> {
  const input = join(folder, 'input.onnx');
  const output = join(folder, 'output.onnx');
  await writeBesideWeights(model, input);
  await optimizeModel(input, output, level, isSmall(model) ? null : 'output.weights');
  await rm(input);
  const optimized = openModel(output);
  return {
    model: nameLayers(pruneOpsetImports(optimized.model)),
    close: () => optimized.close(),
  };
}
