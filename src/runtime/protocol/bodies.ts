/**
 * Puts a body's chunks together so that what follows its JSON header starts at a multiple of 8 bytes: tensors can then
 * be viewed in place and their memory handed on to the engine.
 */
export function bodyFromChunks(
  chunks: readonly Uint8Array[],
  totalBytes: number,
  headerLength: number | null,
): Uint8Array {
  const padding = headerLength === null ? 0 : (8 - (headerLength % 8)) % 8;
  // Not from Node's shared pool, whose memory cannot be handed to another thread.
  const memory = Buffer.allocUnsafeSlow(padding + totalBytes);
  let offset = padding;
  for (const chunk of chunks) {
    memory.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return new Uint8Array(memory.buffer, padding, totalBytes);
}

/** The value of an Inference-Header-Content-Length field; `null` without one, NaN when it is not a number. */
export function headerLengthFrom(field: string | string[] | undefined): number | null {
  if (field === undefined) return null;
  return typeof field === 'string' && /^\d+$/.test(field) ? Number(field) : Number.NaN;
}
