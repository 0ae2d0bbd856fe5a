import {chunksOfRange, CHUNK_BYTES, type SourceRange} from './byteSource.ts';
import {encodeMessage, type Piece} from './encodeMessage.ts';
import {DATA_LOCATION_EXTERNAL, externalEntries} from './externalData.ts';
import {MODEL_TABLE} from './fieldTables.ts';
import type {OnnxModel, OnnxTensor} from './messages.ts';
import {rewriteTensors} from './rewriteTensors.ts';
import {rangeOfTensor, withRawData} from './tensorData.ts';

export type WriteWeights =
  /** Where they are; a model that was only read is written back byte for byte. */
  | {readonly kind: 'keep'}
  /** All in the one file. */
  | {readonly kind: 'inline'}
  /** Each initialiser of at least `thresholdBytes` in a file of its own, all else in the model's file. */
  | {readonly kind: 'external'; readonly thresholdBytes: number; readonly nameLocation: NameLocation};

/** A relative path for a tensor's own file, such as the hex digest of its bytes; equal paths must mean equal bytes. */
export type NameLocation = (tensorName: string, chunks: Iterable<Uint8Array>) => string;

export interface WrittenFile {
  readonly sizeBytes: number;
  /** May be iterated more than once; each chunk is valid until the next. */
  readonly chunks: Iterable<Uint8Array>;
}

export interface WrittenExternalFile extends WrittenFile {
  /** Relative to the model's folder. */
  readonly path: string;
  /** The tensors whose values it holds. */
  readonly tensorNames: readonly string[];
}

export interface WrittenModel extends WrittenFile {
  readonly externalFiles: readonly WrittenExternalFile[];
}

/**
 * The model's bytes, to be streamed: large weights are read from where they lie while they are written.
 * @throws ExpectedError `model-too-large-inline` when one file would pass 2 GiB
 */
export function writeModel(model: OnnxModel, weights: WriteWeights = {kind: 'keep'}): WrittenModel {
  const placed = placeWeights(model, weights);
  const encoded = encodeMessage(MODEL_TABLE, placed);
  return {
    sizeBytes: encoded.sizeBytes,
    chunks: {[Symbol.iterator]: () => chunksOfPieces(encoded.pieces)},
    externalFiles: externalFilesOf(placed),
  };
}

/** The whole file in memory, for small models and for handing one to the runtime. */
export function bytesFromModel(model: OnnxModel, weights: WriteWeights = {kind: 'inline'}): Uint8Array {
  return bytesOfFile(writeModel(model, weights));
}

export function bytesOfFile(written: WrittenFile): Uint8Array {
  const bytes = new Uint8Array(written.sizeBytes);
  let at = 0;
  for (const chunk of written.chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Moves weights between the model's file and files of their own, without reading them. */
export function placeWeights(model: OnnxModel, weights: WriteWeights): OnnxModel {
  if (weights.kind === 'keep') return model;
  return rewriteTensors(model, (tensor, place) => {
    const isOut =
      weights.kind === 'external' &&
      place === 'initializer' &&
      tensor.strings.length === 0 &&
      rangeOfTensor(tensor).length >= weights.thresholdBytes;
    if (isOut) return withExternalData(tensor, weights.nameLocation);
    return tensor.external === undefined ? tensor : withRawData(tensor, rangeOfTensor(tensor));
  });
}

function withExternalData(tensor: OnnxTensor, nameLocation: NameLocation): OnnxTensor {
  const range = rangeOfTensor(tensor);
  const location = nameLocation(tensor.name, {
    [Symbol.iterator]: () => chunksOfRange(range)[Symbol.iterator](),
  });
  const {name, dims, elementTypeCode, docString, metadata, unknown} = tensor;
  return {
    name,
    dims,
    elementTypeCode,
    docString,
    metadata,
    unknown,
    strings: [],
    lists: [],
    externalEntries: externalEntries(location, 0, range.length),
    dataLocation: DATA_LOCATION_EXTERNAL,
    external: {location, range, isWholeFile: true},
  };
}

function externalFilesOf(model: OnnxModel): WrittenExternalFile[] {
  const files = new Map<string, {range: SourceRange; tensorNames: string[]}>();
  rewriteTensors(model, tensor => {
    const {external} = tensor;
    if (external !== undefined) {
      const file = files.get(external.location) ?? {range: fileRange(external), tensorNames: []};
      file.tensorNames.push(tensor.name);
      files.set(external.location, file);
    }
    return tensor;
  });
  return [...files].map(([path, {range, tensorNames}]) => ({
    path,
    tensorNames,
    sizeBytes: range.length,
    chunks: {[Symbol.iterator]: () => chunksOfRange(range)[Symbol.iterator]()},
  }));
}

function fileRange({range, isWholeFile}: NonNullable<OnnxTensor['external']>): SourceRange {
  return isWholeFile ? range : {source: range.source, offset: 0, length: range.source.sizeBytes};
}

function* chunksOfPieces(pieces: readonly Piece[]): Iterator<Uint8Array> {
  for (const piece of pieces) {
    if (!(piece instanceof Uint8Array)) yield* chunksOfRange(piece);
    else {
      for (let at = 0; at < piece.byteLength; at += CHUNK_BYTES) yield piece.subarray(at, at + CHUNK_BYTES);
    }
  }
}
