import {BinaryWriter} from '@bufbuild/protobuf/wire';
import {EXIT, ExpectedError} from '../../errors.ts';
import {bytesOfRange, type SourceRange} from './byteSource.ts';
import {wireTypeOf} from './decodeMessage.ts';
import type {FieldSpec, MessageTable} from './fieldTables.ts';
import type {ListRecord} from './messages.ts';
import {originOf} from './origins.ts';

/** Shorter ranges are copied into the surrounding bytes; longer ones are streamed from where they lie. */
const COPY_BYTES = 4096;

/** Protobuf's limit for one message. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

export type Piece = Uint8Array | SourceRange;

export interface Encoded {
  readonly pieces: readonly Piece[];
  readonly sizeBytes: number;
}

/**
 * The message's bytes as pieces in order: verbatim ranges of its file where it was not changed, encoded fields in the
 * order of their numbers elsewhere, then the unknown records.
 */
export function encodeMessage(table: MessageTable, message: object): Encoded {
  const encoder = new PieceWriter();
  const origin = originOf(message);
  if (origin !== undefined) encoder.range(origin);
  else {
    const values = message as Record<string, unknown>;
    for (const field of table.fields) {
      const value = values[field.key];
      if (value === undefined) continue;
      if (field.isRepeated) {
        for (const element of value as readonly unknown[]) writeField(encoder, field, element);
      } else if (value !== field.initial) writeField(encoder, field, value);
    }
    for (const record of (values['unknown'] as readonly SourceRange[] | undefined) ?? [])
      encoder.range(record);
  }
  return encoder.finish();
}

function writeField(encoder: PieceWriter, field: FieldSpec, value: unknown): void {
  if (field.kind === 'list') {
    // The five list fields share one key: each record is written under its own number only.
    const list = value as ListRecord;
    if (list.fieldNumber === field.number) encoder.range(list.record);
    return;
  }
  const writer = encoder.writer.tag(field.number, wireTypeOf(field.kind));
  if (typeof field.kind === 'function') {
    const encoded = encodeMessage(field.kind(), value as object);
    refuseOversize(encoded.sizeBytes);
    writer.uint32(encoded.sizeBytes);
    encoder.append(encoded);
    return;
  }
  switch (field.kind) {
    case 'integer':
    case 'bigint':
      writer.int64(value as number | bigint);
      return;
    case 'float':
      writer.float(value as number);
      return;
    case 'string':
      writer.string(value as string);
      return;
    case 'bytes':
      writer.bytes(value as Uint8Array);
      return;
    case 'range':
      refuseOversize((value as SourceRange).length);
      writer.uint32((value as SourceRange).length);
      encoder.range(value as SourceRange);
      return;
  }
}

/** @throws ExpectedError `model-too-large-inline` */
function refuseOversize(sizeBytes: number): void {
  if (sizeBytes <= MAX_MESSAGE_BYTES) return;
  throw new ExpectedError(
    'model-too-large-inline',
    `The model needs ${sizeBytes} bytes in one file; an ONNX file ends at ${MAX_MESSAGE_BYTES}, so its weights must be external data.`,
    EXIT.unsupported,
  );
}

class PieceWriter {
  readonly writer = new BinaryWriter();
  readonly #pieces: Piece[] = [];

  range(range: SourceRange): void {
    if (range.length <= COPY_BYTES) this.writer.raw(bytesOfRange(range));
    else {
      this.#flush();
      this.#pieces.push(range);
    }
  }

  append(encoded: Encoded): void {
    for (const piece of encoded.pieces) {
      if (piece instanceof Uint8Array) this.writer.raw(piece);
      else this.range(piece);
    }
  }

  finish(): Encoded {
    this.#flush();
    const sizeBytes = this.#pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
    return {pieces: this.#pieces, sizeBytes};
  }

  #flush(): void {
    const bytes = this.writer.finish();
    if (bytes.byteLength > 0) this.#pieces.push(bytes);
  }
}

function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.byteLength : piece.length;
}
