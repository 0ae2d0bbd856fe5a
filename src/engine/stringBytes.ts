/**
 * String tensors travel as the Open Inference Protocol lays BYTES out: per element a little-endian uint32 length, then
 * that many bytes. ONNX Runtime's strings are UTF-8.
 */
export function bytesFromStrings(strings: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  const encoded = strings.map(text => encoder.encode(text));
  const bytes = new Uint8Array(encoded.reduce((sum, item) => sum + 4 + item.length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const item of encoded) {
    view.setUint32(offset, item.length, true);
    bytes.set(item, offset + 4);
    offset += 4 + item.length;
  }
  return bytes;
}

/** @throws RangeError when the lengths do not add up, TypeError when an element is not UTF-8 */
export function stringsFromBytes(bytes: Uint8Array): string[] {
  const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) throw new RangeError(`a string's length is cut off at byte ${offset}`);
    const length = view.getUint32(offset, true);
    offset += 4;
    if (offset + length > bytes.length) {
      throw new RangeError(
        `a string of ${length} bytes at byte ${offset} runs past the end (${bytes.length})`,
      );
    }
    strings.push(decoder.decode(bytes.subarray(offset, offset + length)));
    offset += length;
  }
  return strings;
}
