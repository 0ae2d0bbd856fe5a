import {open} from 'node:fs/promises';

/** Pieces of a part of a file, evenly over it, its first and last bytes included; all of it where it is short. */
export async function samplePieces(
  path: string,
  {start, sizeBytes}: {readonly start: number; readonly sizeBytes: number},
  {pieces, pieceBytes}: {readonly pieces: number; readonly pieceBytes: number},
): Promise<Uint8Array[]> {
  const last = Math.max(0, sizeBytes - pieceBytes);
  const places = Array.from({length: pieces}, (_, at) => Math.floor((last * at) / Math.max(1, pieces - 1)));
  const handle = await open(path, 'r');
  try {
    const sampled: Uint8Array[] = [];
    for (const place of new Set(places)) {
      const buffer = Buffer.alloc(Math.min(pieceBytes, sizeBytes));
      const {bytesRead} = await handle.read(buffer, 0, buffer.length, start + place);
      sampled.push(buffer.subarray(0, bytesRead));
    }
    return sampled;
  } finally {
    await handle.close();
  }
}
