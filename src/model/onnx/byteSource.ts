/**
 * Bytes that can be read by range: a file (workspace/byteSource.ts) or memory. What was read from a source must stay
 * readable, and unchanged, for as long as anything made from it is in use.
 */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset` on; the caller does not change them. */
  read(offset: number, length: number): Uint8Array;
  /** Reads as many bytes as the target takes, where that saves a copy. */
  readInto?(offset: number, target: Uint8Array): void;
}

export interface SourceRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** Large ranges are streamed in pieces of this many bytes, so that no weight is ever held whole by the writer. */
export const CHUNK_BYTES = 1 << 20;

/** A source over bytes in memory, which are not copied. */
export function sourceFromBytes(bytes: Uint8Array): ByteSource {
  // A plain view: `slice` of a Buffer would not copy.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    sizeBytes: plain.byteLength,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > plain.byteLength) {
        throw new RangeError(`bytes ${offset} to ${offset + length} of ${plain.byteLength}`);
      }
      return plain.subarray(offset, offset + length);
    },
  };
}

export function rangeFromBytes(bytes: Uint8Array): SourceRange {
  return {source: sourceFromBytes(bytes), offset: 0, length: bytes.byteLength};
}

export function bytesOfRange(range: SourceRange): Uint8Array {
  return range.source.read(range.offset, range.length);
}

/** The range's bytes in memory that is the caller's own. */
export function copyOfRange(range: SourceRange): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(range.length);
  if (range.source.readInto === undefined) copy.set(bytesOfRange(range));
  else range.source.readInto(range.offset, copy);
  return copy;
}

/** The range's bytes in order, at most `CHUNK_BYTES` at a time. */
export function* chunksOfRange(range: SourceRange): Iterable<Uint8Array> {
  for (let done = 0; done < range.length; done += CHUNK_BYTES) {
    yield range.source.read(range.offset + done, Math.min(CHUNK_BYTES, range.length - done));
  }
}
