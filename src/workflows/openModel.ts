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
 * Reads a model's graph; its weights stay in their files, which are open until `close`. A file of up to `wholeBytes` is read
 * into memory at once: for models of which the weights are read anyway, and more than once.
 * @throws ExpectedError `not-an-onnx-model`, `external-data-missing`, `external-data-escapes`, `no-such-file`
 */
export function openModel(path: string, wholeBytes = 0): OpenModel {
  const files = openModelFiles(path);
  try {
    const {source, openExternal} = files;
    const isWhole = source.sizeBytes <= wholeBytes;
    const model = modelFromSource(isWhole ? sourceFromBytes(source.read(0, source.sizeBytes)) : source, {
      fileName: basename(path),
      openExternal,
    });
    return {model, close: () => files.close()};
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Of the file, and of the files of weights beside it where there are some. */
export async function digestOfModel(path: string, model: OnnxModel): Promise<string> {
  const main = await digestOfFile(path);
  const {externalFiles} = writeModel(model, {kind: 'keep'});
  if (externalFiles.length === 0) return main;
  return digestOfBytes([main, ...externalFiles.map(file => digestOfChunks(file.chunks))].join('\n'));
}
