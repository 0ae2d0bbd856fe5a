import {createHash} from 'node:crypto';
import {chmod, open, rename, rm, type FileHandle} from 'node:fs/promises';
import {dirname} from 'node:path';
import {promisify} from 'node:util';
import {zstdDecompress, type ZstdOptions} from 'node:zlib';
import {z} from 'zod';
import {sha256Digest} from '../../documents/header.ts';
import {messageOf} from '../../errors.ts';
import {
  DELTA_CHUNK_BYTES,
  DELTA_HEADER_BYTES,
  DELTA_MAGIC,
  DELTA_WIDTHS,
  MOST_FRAME_BYTES,
  targetOf,
  type DeltaWidth,
} from './blobDelta.ts';
import {blobPath, syncFolder} from './deviceFiles.ts';
import {passStep} from './persistedSteps.ts';

const deltaRequest = z.strictObject({
  /** What the device has, what was sent, and what is to come of both: blobs by their digests. */
  base: sha256Digest,
  delta: sha256Digest,
  target: sha256Digest,
  /** Of base and target. */
  sizeBytes: z.int().positive(),
});
export const deltaRequests = z.array(deltaRequest);
export type DeltaRequest = z.infer<typeof deltaRequest>;

interface AppliedDeltas {
  readonly rebuilt: string[];
  /** To be sent whole. */
  readonly refused: {target: string; why: string}[];
}

const decode = promisify<Uint8Array, ZstdOptions, Buffer>(zstdDecompress);

/**
 * Makes blobs of those that are there and of deltas, a MiB at a time. A blob gets its name only when its SHA-256 is the one
 * that it is named by, whatever base and delta were; the deltas are gone afterwards.
 */
export async function applyDeltas(home: string, requests: readonly DeltaRequest[]): Promise<AppliedDeltas> {
  const applied: AppliedDeltas = {rebuilt: [], refused: []};
  for (const request of requests) {
    try {
      await rebuild(home, request);
      applied.rebuilt.push(request.target);
    } catch (error) {
      applied.refused.push({target: request.target, why: messageOf(error)});
    }
  }
  for (const {delta} of requests) await rm(blobPath(home, delta), {force: true});
  passStep('patch:cleared');
  return applied;
}

async function rebuild(home: string, {base, delta, target, sizeBytes}: DeltaRequest): Promise<void> {
  const path = blobPath(home, target);
  const partial = `${path}.partial`;
  const files: FileHandle[] = [];
  const opened = async (...args: Parameters<typeof open>): Promise<FileHandle> => {
    const file = await open(...args);
    files.push(file);
    return file;
  };
  try {
    const [from, differences] = [await opened(blobPath(home, base)), await opened(blobPath(home, delta))];
    if ((await from.stat()).size !== sizeBytes) throw new Error(`the base is not ${sizeBytes} bytes long`);
    const to = await opened(partial, 'w', 0o600);
    const hash = createHash('sha256');
    for await (const chunk of chunksOfTarget(from, differences, sizeBytes)) {
      hash.update(chunk);
      await to.writeFile(chunk);
    }
    if (`sha256:${hash.digest('hex')}` !== target) throw new Error('base and delta make something else');
    await to.sync();
    await chmod(partial, 0o400);
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(partial, {force: true});
    throw error;
  } finally {
    for (const file of files) await file.close();
  }
  passStep('patch:named');
}

async function* chunksOfTarget(
  base: FileHandle,
  delta: FileHandle,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  const header = await read(delta, DELTA_HEADER_BYTES);
  const width = header[DELTA_MAGIC.length];
  if (!isWidth(width) || header.toString('latin1', 0, DELTA_MAGIC.length) !== DELTA_MAGIC)
    throw new Error('the delta is of another form');
  for (let at = 0; at < sizeBytes; at += DELTA_CHUNK_BYTES) {
    const chunkBytes = Math.min(DELTA_CHUNK_BYTES, sizeBytes - at);
    const frameBytes = (await read(delta, 4)).readUInt32LE();
    if (frameBytes > MOST_FRAME_BYTES) throw new Error('the delta has a frame that is too long');
    // What would become more than was announced is not decoded to its end.
    const difference = await decode(await read(delta, frameBytes), {maxOutputLength: chunkBytes});
    if (difference.length !== chunkBytes) throw new Error('the delta has a frame that is too short');
    yield targetOf(difference, await read(base, chunkBytes), width);
  }
  const {bytesRead} = await delta.read(Buffer.alloc(1), 0, 1);
  if (bytesRead > 0) throw new Error('the delta goes on behind its end');
}

function isWidth(width: number | undefined): width is DeltaWidth {
  return DELTA_WIDTHS.some(known => known === width);
}

async function read(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let filled = 0; filled < length;) {
    const {bytesRead} = await file.read(buffer, filled, length - filled);
    if (bytesRead === 0) throw new Error('it ends early');
    filled += bytesRead;
  }
  return buffer;
}
