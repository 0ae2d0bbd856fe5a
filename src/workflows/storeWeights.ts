import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {sizeOfTensorBytes} from '../model/onnx/tensorData.ts';
import {writeModel} from '../model/onnx/writeModel.ts';
import {writeScratch} from '../workspace/writeScratch.ts';
import {openModel, type OpenModel} from './openModel.ts';

/** Models with more weights than this have them written once, not with every file that is made of the model. */
export const INLINE_BYTES = 64 * 2 ** 20;
/** Of such models, weights from this size on lie in files of their own. */
const EXTERNAL_BYTES = 2 ** 20;

/** Whether the outer graph's initialisers are few enough to be copied into every file. */
export function isSmall(model: OnnxModel): boolean {
  return model.graph.initializers.reduce((sum, one) => sum + sizeOfTensorBytes(one), 0) <= INLINE_BYTES;
}

/** The same model, its large weights in files of `folder` unless it is small; `close` removes these. */
export async function storeWeights(
  model: OnnxModel,
  folder: string,
): Promise<{readonly model: OnnxModel; close(): Promise<void>}> {
  if (isSmall(model)) return {model, close: async () => {}};
  let count = 0;
  const written = writeModel(model, {
    kind: 'external',
    thresholdBytes: EXTERNAL_BYTES,
    nameLocation: () => `stored-${(count += 1)}.weights`,
  });
  const path = join(folder, 'stored.onnx');
  const files = written.externalFiles.map(file => ({...file, path: join(folder, file.path)}));
  for (const file of [...files, {path, chunks: written.chunks}]) await writeScratch(file.path, file.chunks);
  const opened: OpenModel = openModel(path);
  return {
    model: opened.model,
    async close() {
      opened.close();
      for (const file of [...files, {path}]) await rm(file.path);
    },
  };
}

/** Writes a model to `path`, which is no file to be kept; unless it is small, its large weights must have been stored in that folder. */
export async function writeBesideWeights(model: OnnxModel, path: string): Promise<void> {
  await writeScratch(path, writeModel(model, {kind: isSmall(model) ? 'inline' : 'keep'}).chunks);
}
