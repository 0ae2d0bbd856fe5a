/**
 * The body of a request to load a model from `files`, by their path inside the model's folder. In pieces: as one
 * string, large models would not fit into what Node allows one.
 */
export function encodeLoadRequest(files: Readonly<Record<string, Uint8Array>>): Uint8Array[] {
  const entries = Object.entries(files);
  if (entries.length === 0) return [Buffer.from('{}')];
  // Triton takes files only together with a configuration; this one lets it work out the rest.
  const parts: Uint8Array[] = [
    Buffer.from(`{"parameters":{"config":${JSON.stringify('{"backend":"onnxruntime"}')}`),
  ];
  for (const [path, bytes] of entries) {
    parts.push(Buffer.from(`,${JSON.stringify(`file:${path}`)}:"`), ...base64Pieces(bytes), Buffer.from('"'));
  }
  return [...parts, Buffer.from('}}')];
}

function base64Pieces(bytes: Uint8Array): Uint8Array[] {
  // A multiple of 3, so that only the last piece is padded.
  const pieceBytes = 3 * 2 ** 22;
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += pieceBytes) {
    const length = Math.min(pieceBytes, bytes.byteLength - offset);
    pieces.push(
      Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('base64'), 'latin1'),
    );
  }
  return pieces;
}
