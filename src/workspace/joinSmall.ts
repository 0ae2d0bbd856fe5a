/** Pieces up to this size are joined: a write takes longer than copying so much. */
const JOINED_BYTES = 2 ** 18;

/** The same bytes in fewer pieces: a small model's file is hundreds of some bytes each. */
export function* joinSmall(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for (const chunk of chunks) {
    if (waitingBytes + chunk.byteLength > JOINED_BYTES && waiting.length > 0) {
      yield joined(waiting);
      waiting = [];
      waitingBytes = 0;
    }
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
  }
  if (waiting.length > 0) yield joined(waiting);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}
