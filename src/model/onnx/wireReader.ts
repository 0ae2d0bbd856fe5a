import {BinaryReader, WireType} from '@bufbuild/protobuf/wire';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ByteSource, SourceRange} from './byteSource.ts';

const WINDOW_BYTES = 1 << 16;
/** The longest varint. */
const VARINT_BYTES = 10;

export interface WireField {
  readonly number: number;
  readonly wireType: WireType;
  /** First byte of the tag, first byte of the value and one past its last byte. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** Walks the protobuf wire format of a source through a small window: long values are stepped over, not read. */
export class WireReader {
  readonly source: ByteSource;
  readonly #fileName: string;
  #windowStart = 0;
  #window: Uint8Array;
  #reader: BinaryReader;

  constructor(source: ByteSource, fileName: string) {
    this.source = source;
    this.#fileName = fileName;
    this.#window = source.read(0, Math.min(WINDOW_BYTES, source.sizeBytes));
    this.#reader = new BinaryReader(this.#window);
  }

  /** The field that starts at `at` inside a message that ends at `end`. */
  readField(at: number, end: number): WireField {
    const tag = this.#varint32At(at, end, 'a field');
    const number = tag >>> 3;
    const wireType = (tag & 7) as WireType;
    if (number === 0) throw this.invalid(at, 'a field number 0');
    const valueStart = this.#position();
    switch (wireType) {
      case WireType.Varint:
        return {number, wireType, start: at, valueStart, end: this.#endOfVarint(valueStart, end)};
      case WireType.Bit64:
        return this.#fixed({number, wireType, start: at, valueStart, end: valueStart + 8}, end);
      case WireType.Bit32:
        return this.#fixed({number, wireType, start: at, valueStart, end: valueStart + 4}, end);
      case WireType.LengthDelimited: {
        const length = this.#varint32At(valueStart, end, 'a length');
        const contentStart = this.#position();
        return this.#fixed(
          {number, wireType, start: at, valueStart: contentStart, end: contentStart + length},
          end,
        );
      }
      default:
        throw this.invalid(at, `wire type ${wireType}`);
    }
  }

  /** The element at `at` of a packed record. */
  readElement(wireType: WireType.Varint | WireType.Bit32, packed: WireField, at: number): WireField {
    const element = {number: packed.number, wireType, start: at, valueStart: at};
    if (wireType === WireType.Bit32) return this.#fixed({...element, end: at + 4}, packed.end);
    return {...element, end: this.#endOfVarint(at, packed.end)};
  }

  integer(field: WireField): number {
    const value = this.bigint(field);
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw this.invalid(field.start, `the number ${value}`);
    return number;
  }

  bigint(field: WireField): bigint {
    this.#seek(field.valueStart, field.end - field.valueStart);
    return BigInt(this.#reader.int64());
  }

  float(field: WireField): number {
    this.#seek(field.valueStart, 4);
    return this.#reader.float();
  }

  bytes(field: WireField): Uint8Array {
    const length = field.end - field.valueStart;
    if (length > WINDOW_BYTES) return this.source.read(field.valueStart, length).slice();
    this.#seek(field.valueStart, length);
    const at = field.valueStart - this.#windowStart;
    return this.#window.slice(at, at + length);
  }

  range(start: number, end: number): SourceRange {
    return {source: this.source, offset: start, length: end - start};
  }

  invalid(at: number, what: string): ExpectedError {
    return new ExpectedError(
      'not-an-onnx-model',
      `${this.#fileName} is not an ONNX model: ${what} at byte ${at} of ${this.source.sizeBytes}.`,
      EXIT.invalidDocument,
    );
  }

  truncated(at: number, what: string): ExpectedError {
    return new ExpectedError(
      'not-an-onnx-model',
      `${this.#fileName} is not a whole ONNX model: ${what} at byte ${at} goes on past its end; the file has ${this.source.sizeBytes} bytes.`,
      EXIT.invalidDocument,
      {hints: ['Fetch or export the file again: it is probably truncated.']},
    );
  }

  #fixed(field: WireField, end: number): WireField {
    if (field.end > end) throw this.truncated(field.start, `field ${field.number}`);
    return field;
  }

  #endOfVarint(at: number, end: number): number {
    this.#seek(at, Math.min(VARINT_BYTES, end - at));
    this.#attempt(at, end, 'a number', () => this.#reader.uint64());
    return this.#position();
  }

  #varint32At(at: number, end: number, what: string): number {
    this.#seek(at, Math.min(VARINT_BYTES, end - at));
    return this.#attempt(at, end, what, () => this.#reader.uint32());
  }

  #attempt<T>(at: number, end: number, what: string, read: () => T): T {
    let value: T;
    try {
      value = read();
    } catch {
      if (end - at < VARINT_BYTES) throw this.truncated(at, what);
      throw this.invalid(at, `no number where ${what} should be,`);
    }
    if (this.#position() > end) throw this.truncated(at, what);
    return value;
  }

  #position(): number {
    return this.#windowStart + this.#reader.pos;
  }

  /** Puts the reader at `at` with at least `length` bytes in the window. */
  #seek(at: number, length: number): void {
    if (at < this.#windowStart || at + length > this.#windowStart + this.#window.byteLength) {
      this.#window = this.source.read(at, Math.min(WINDOW_BYTES, this.source.sizeBytes - at));
      this.#windowStart = at;
      this.#reader = new BinaryReader(this.#window);
    }
    this.#reader.pos = at - this.#windowStart;
  }
}
