import {sizeInBytes} from '../../documents/elementTypes.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ByteSource} from './byteSource.ts';
import type {OnnxEntry, OnnxTensor} from './messages.ts';
import {elementTypeOfTensor} from './tensorData.ts';

export const DATA_LOCATION_EXTERNAL = 1;

/**
 * Opens a file beside the model; `null` when there is none. `location` is relative and stays inside the model's folder
 * by its text; an opener over real files must refuse links that leave it.
 */
export type OpenExternal = (location: string) => ByteSource | null;

/**
 * The tensor with `external` set when its values are in another file; each file is opened once.
 * @throws ExpectedError `external-data-missing`, `external-data-escapes`, `external-data-truncated`
 */
export function externalDataFinder(
  fileName: string,
  openExternal: OpenExternal,
): (tensor: OnnxTensor) => OnnxTensor {
  const opened = new Map<string, ByteSource | null>();
  return tensor => {
    if (tensor.dataLocation !== DATA_LOCATION_EXTERNAL) return tensor;
    const entries = new Map(tensor.externalEntries.map(entry => [entry.key, entry.value]));
    const location = entries.get('location') ?? '';
    refuseEscape(fileName, tensor, location);
    if (!opened.has(location)) opened.set(location, openExternal(location));
    const source = opened.get(location) ?? null;
    if (source === null) {
      throw new ExpectedError(
        'external-data-missing',
        `${fileName} keeps tensor "${tensor.name}" in "${location}", which is not there.`,
        EXIT.invalidDocument,
        {hints: [`Put "${location}" into the folder of ${fileName}.`]},
      );
    }
    const offset = integerEntry(fileName, tensor, entries, 'offset') ?? 0;
    const length =
      integerEntry(fileName, tensor, entries, 'length') ?? lengthOf(tensor) ?? source.sizeBytes - offset;
    if (length < 0 || offset + length > source.sizeBytes) {
      throw new ExpectedError(
        'external-data-truncated',
        `${fileName} keeps tensor "${tensor.name}" in bytes ${offset} to ${offset + length} of "${location}", which has ${source.sizeBytes}.`,
        EXIT.invalidDocument,
      );
    }
    return {...tensor, external: {location, range: {source, offset, length}, isWholeFile: false}};
  };
}

/** The entries that say where a tensor's values are. */
export function externalEntries(location: string, offset: number, length: number): OnnxEntry[] {
  return [
    {key: 'location', value: location, unknown: []},
    {key: 'offset', value: String(offset), unknown: []},
    {key: 'length', value: String(length), unknown: []},
  ];
}

function lengthOf(tensor: OnnxTensor): number | null {
  return sizeInBytes(elementTypeOfTensor(tensor), tensor.dims);
}

function refuseEscape(fileName: string, tensor: OnnxTensor, location: string): void {
  const isInside =
    location !== '' &&
    !location.includes('\0') &&
    !location.includes('\\') &&
    !/^([A-Za-z]:|\/)/.test(location) &&
    !location.split('/').includes('..');
  if (isInside) return;
  throw new ExpectedError(
    'external-data-escapes',
    `${fileName} keeps tensor "${tensor.name}" in "${location}", which is outside the model's folder.`,
    EXIT.invalidDocument,
    {hints: ['Export the model again with its external data in the same folder.']},
  );
}

function integerEntry(
  fileName: string,
  tensor: OnnxTensor,
  entries: ReadonlyMap<string, string>,
  key: string,
): number | undefined {
  const text = entries.get(key);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new ExpectedError(
    'not-an-onnx-model',
    `${fileName} gives the external ${key} of tensor "${tensor.name}" as "${text}", which is not a byte count.`,
    EXIT.invalidDocument,
  );
}
