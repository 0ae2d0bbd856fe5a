import {EXIT, ExpectedError} from '../../errors.ts';
import type {ByteSource} from './byteSource.ts';
import {decodeMessage} from './decodeMessage.ts';
import {externalDataFinder, type OpenExternal} from './externalData.ts';
import {MODEL_TABLE} from './fieldTables.ts';
import type {OnnxModel} from './messages.ts';
import {WireReader} from './wireReader.ts';

export interface ReadModelOptions {
  /** For messages. */
  readonly fileName: string;
  /** Without it a model with external data is refused. */
  readonly openExternal?: OpenExternal;
}

/**
 * An ONNX file as a frozen value. Weights are not read: they stay ranges of `source`, which must stay readable.
 * @throws ExpectedError `not-an-onnx-model`, `external-data-missing`, `external-data-escapes`, `external-data-truncated`
 */
export function modelFromSource(source: ByteSource, options: ReadModelOptions): OnnxModel {
  const wire = new WireReader(source, options.fileName);
  const completeTensor = externalDataFinder(options.fileName, options.openExternal ?? (() => null));
  const model = decodeMessage(
    {wire, completeTensor},
    MODEL_TABLE,
    0,
    source.sizeBytes,
  ) as unknown as OnnxModel;
  if ((model.graph as unknown) === undefined) throw wire.invalid(source.sizeBytes, 'no graph before the end');
  if (model.irVersion <= 0) {
    throw new ExpectedError(
      'not-an-onnx-model',
      `${options.fileName} is not an ONNX model: it names no version of the format by byte ${source.sizeBytes}.`,
      EXIT.invalidDocument,
    );
  }
  return model;
}
