import {open, type FileHandle} from 'node:fs/promises';
import {bundleOfParts, sizeOfBundle} from './bundleOfParts.ts';
import {BLOCK_BYTES, type Sending} from './planSending.ts';
import {samplePieces} from './samplePieces.ts';
import {encodeFrame, sampleRatio, type WireRates} from './wireEncoding.ts';

/** A piece of a stream, and of how many bytes of blobs it is made. */
interface WireChunk {
  readonly bytes: Uint8Array;
  readonly ofBlobsBytes: number;
}

const READ_BYTES = 4 * BLOCK_BYTES;
/** Frames that are encoded each by itself can be encoded while others are sent, each as the link is then. */
const FRAME_BYTES = 16 * BLOCK_BYTES;
const SAMPLED_BYTES = 32 * 1024;
const SAMPLED_PLACES = 4;

/** As they are. */
export function plainChunks(sending: Sending): AsyncGenerator<WireChunk> {
  return sending.kind === 'stripe' ? chunksOfStripe(sending, READ_BYTES) : bundleOfParts(sending.blobs);
}

/** An archive of small blobs is one frame: they have more in common with each other than each within itself. */
export async function* encodedChunks(
  sending: Sending,
  encoding: 'gzip' | 'zstd',
  readRates: () => WireRates,
): AsyncGenerator<WireChunk> {
  const frames =
    sending.kind === 'stripe' ? chunksOfStripe(sending, FRAME_BYTES) : joined(bundleOfParts(sending.blobs));
  for await (const {bytes, ofBlobsBytes} of frames)
    yield {bytes: await encodeFrame(encoding, bytes, readRates()), ofBlobsBytes};
}

/** What comes out of a stream, encoded or not. */
export function decodedBytes(sending: Sending): number {
  return sending.kind === 'stripe' ? sending.sizeBytes : sizeOfBundle(sending.blobs);
}

/** What encoding would leave of it, from a few places of it. */
export async function sampleSending(sending: Sending): Promise<number> {
  if (sending.kind === 'stripe') {
    const shape = {pieces: SAMPLED_PLACES, pieceBytes: SAMPLED_BYTES};
    return sampleRatio(await samplePieces(sending.blob.source, sending, shape));
  }
  const {blobs} = sending;
  const step = Math.ceil(blobs.length / SAMPLED_PLACES);
  const pieces = blobs
    .filter((_, index) => index % step === 0)
    .map(({source, sizeBytes}) =>
      samplePieces(source, {start: 0, sizeBytes}, {pieces: 1, pieceBytes: SAMPLED_BYTES}),
    );
  return sampleRatio((await Promise.all(pieces)).flat());
}

async function* joined(chunks: AsyncIterable<WireChunk>): AsyncGenerator<WireChunk> {
  const all: WireChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  yield {
    bytes: Buffer.concat(all.map(({bytes}) => bytes)),
    ofBlobsBytes: all.reduce((sum, {ofBlobsBytes}) => sum + ofBlobsBytes, 0),
  };
}

async function* chunksOfStripe(
  {blob, start, sizeBytes}: Extract<Sending, {kind: 'stripe'}>,
  chunkBytes: number,
): AsyncGenerator<WireChunk> {
  const handle = await open(blob.source, 'r');
  try {
    for (let at = start; at < start + sizeBytes; at += chunkBytes) {
      const bytes = await readExactly(handle, blob.source, at, Math.min(chunkBytes, start + sizeBytes - at));
      yield {bytes, ofBlobsBytes: bytes.length};
    }
  } finally {
    await handle.close();
  }
}

async function readExactly(
  handle: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let read = 0; read < length;) {
    const {bytesRead} = await handle.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
    read += bytesRead;
  }
  return buffer;
}
