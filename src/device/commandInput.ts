import type {Writable} from 'node:stream';

/** Writes the chunks as fast as the other side takes them, and stops when it takes no more; then ends the stream. */
export async function feedInput(target: Writable, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let isClosed = false;
  let proceed = (): void => {};
  const wake = (): void => proceed();
  const close = (): void => {
    isClosed = true;
    proceed();
  };
  target.on('drain', wake).once('close', close);
  try {
    for await (const chunk of chunks) {
      if (isClosed || !target.writable) return;
      if (target.write(chunk)) continue;
      await new Promise<void>(resolve => {
        proceed = resolve;
      });
    }
    target.end();
  } finally {
    target.off('drain', wake).off('close', close);
  }
}
