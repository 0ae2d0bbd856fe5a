import {readFile} from 'node:fs/promises';
import {basename} from 'node:path';
import {sourceFromBytes} from '../model/onnx/byteSource.ts';
import {modelFromSource} from '../model/onnx/readModel.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {writeModel} from '../model/onnx/writeModel.ts';
import {openModelFiles} from '../workspace/byteSource.ts';
import {digestOfBytes, digestOfChunks, digestOfFile} from '../workspace/digest.ts';

export interface OpenModel {
  readonly model: OnnxModel;
  close(): void;
}

/**
 * Reads a model's graph; its weights stay in their files, which are open until `close`.
 * @throws ExpectedError `not-an-onnx-model`, `external-data-missing`, `external-data-escapes`, `no-such-file`
 */
export function openModel(path: string): OpenModel {
  const files = openModelFiles(path);
  try {
    const model = modelFromSource(files.source, {fileName: basename(path), openExternal: files.openExternal});
    return {model, close: () => files.close()};
  } catch (error) {
    files.close();
    throw error;
  }
}

/**
 * The same of a file that few weights lie in, all of it read into memory at once: what is made of such a model several times
 * takes longer to read in pieces.
 * @throws ExpectedError `not-an-onnx-model`
 */
export async function readSmallModel(path: string): Promise<OpenModel> {
  const model = modelFromSource(sourceFromBytes(await readFile(path)), {fileName: basename(path)});
  return {model, close() {}};
}

/** Of the file, and of the files of weights beside it where there are some. */
export async function digestOfModel(path: string, model: OnnxModel): Promise<string> {
  const main = await digestOfFile(path);
  const {externalFiles} = writeModel(model, {kind: 'keep'});
  if (externalFiles.length === 0) return main;
  return digestOfBytes([main, ...externalFiles.map(file => digestOfChunks(file.chunks))].join('\n'));
}
