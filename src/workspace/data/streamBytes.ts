import type {Readable} from 'node:stream';
import type {RandomAccessBytes} from './fileBytes.ts';

/**
 * Bytes that can only be made from the beginning on (an inflated file), as if they could be read anywhere: reading
 * forwards goes on where the last read ended, reading backwards starts again. Holds one chunk of the stream, however
 * long it is; reading in order costs one pass.
 */
export function bytesFromStream(sizeBytes: number, openStream: () => Promise<Readable>): RandomAccessBytes {
  let stream: Readable | null = null;
  let chunks: AsyncIterator<Uint8Array> | null = null;
  let chunk: Uint8Array = new Uint8Array(0);
  let chunkStart = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const stop = (): void => {
    stream?.destroy();
    stream = null;
    chunks = null;
    chunk = new Uint8Array(0);
    chunkStart = 0;
  };

  const readNow = async (offset: number, length: number): Promise<Uint8Array> => {
    if (chunks === null || offset < chunkStart) {
      stop();
      stream = await openStream();
      chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    }
    const end = Math.min(offset + length, sizeBytes);
    const bytes = new Uint8Array(Math.max(0, end - offset));
    let filled = 0;
    for (;;) {
      const from = offset + filled - chunkStart;
      if (from < chunk.length) {
        const part = chunk.subarray(from, from + bytes.length - filled);
        bytes.set(part, filled);
        filled += part.length;
      }
      if (filled === bytes.length) return bytes;
      const next = await chunks.next();
      if (next.done === true) return bytes.subarray(0, filled);
      chunkStart += chunk.length;
      chunk = next.value;
    }
  };

  return {
    sizeBytes,
    read(offset, length) {
      // There is one stream: a read waits for the one before, whether that came to a good end or not.
      const result = turn.then(() => readNow(offset, length));
      turn = result.catch(stop);
      return result;
    },
    async close() {
      await turn;
      stop();
    },
  };
}
