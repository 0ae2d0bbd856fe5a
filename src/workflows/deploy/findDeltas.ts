import {open} from 'node:fs/promises';
import {promisify} from 'node:util';
import {constants, zstdCompress, type ZstdOptions} from 'node:zlib';
import {
  DELTA_CHUNK_BYTES,
  DELTA_MAGIC,
  DELTA_WIDTHS,
  differenceOf,
  type DeltaWidth,
} from '../../runtime/deploy/blobDelta.ts';
import type {Store} from '../../workspace/store.ts';
import {samplePieces} from './samplePieces.ts';
import type {ShippedFile} from './shipFiles.ts';
import {sampleRatio} from './wireEncoding.ts';

/** A blob that can be made on the device of one that is there. */
export interface Delta {
  readonly target: ShippedFile;
  /** By its digest. */
  readonly base: string;
  readonly delta: ShippedFile;
}

type BaseFile = Pick<ShippedFile, 'digest' | 'sizeBytes'>;

/** Below, the device's work and one more answer are not worth it. */
const LEAST_TARGET_BYTES = 4 * 1024;
/** Deltas are made in memory. */
const MOST_TARGET_BYTES = 256 * 2 ** 20;
/** Of what the blob itself would take, compressed: a delta that is no smaller than this is not sent. */
const MOST_OF_FULL = 0.7;
/** Of one length; weights keep their order from release to release, so that the first that is tried is nearly always right. */
const MOST_CANDIDATES = 16;
const SAMPLED = {pieces: 4, pieceBytes: 8 * 1024};
/** Level 9 makes them a tenth smaller than 3 does, at 27 MB/s instead of 250 (2026-11-30, one core of an EPYC). */
const THOROUGH_BELOW_BYTES = 4 * 2 ** 20;

const compress = promisify<Uint8Array, ZstdOptions, Buffer>(zstdCompress);

/**
 * Finds for each of the blobs the one of the bases that it differs least from, and makes the delta where that is much less
 * than the blob. What is not in this store any more is no base.
 */
export async function findDeltas(
  store: Store,
  targets: readonly ShippedFile[],
  bases: readonly BaseFile[],
): Promise<Delta[]> {
  const atHand = bases.filter(({digest}) => store.has(digest));
  const seen = new Map<number, number>();
  const found: Delta[] = [];
  for (const target of targets) {
    const {sizeBytes} = target;
    const sameSize = atHand.filter(base => base.sizeBytes === sizeBytes);
    const rank = seen.get(sizeBytes) ?? 0;
    seen.set(sizeBytes, rank + 1);
    if (sizeBytes < LEAST_TARGET_BYTES || sizeBytes > MOST_TARGET_BYTES) continue;
    const candidates = [...sameSize.slice(rank, rank + 1), ...sameSize.toSpliced(rank, 1)];
    const delta = await deltaFrom(store, target, candidates.slice(0, MOST_CANDIDATES));
    if (delta !== null) found.push(delta);
  }
  return found;
}

/** Devices that have the same get the same: each delta is made once. */
const made = new WeakMap<Store, Map<string, Promise<Delta | null>>>();

async function deltaFrom(
  store: Store,
  target: ShippedFile,
  candidates: readonly BaseFile[],
): Promise<Delta | null> {
  const known = made.get(store) ?? new Map<string, Promise<Delta | null>>();
  made.set(store, known);
  const key = [target.digest, ...candidates.map(({digest}) => digest)].join(' ');
  const delta = known.get(key) ?? makeDelta(store, target, candidates);
  known.set(key, delta);
  return delta;
}

async function makeDelta(
  store: Store,
  target: ShippedFile,
  candidates: readonly BaseFile[],
): Promise<Delta | null> {
  const pieces = await samplePieces(target.source, {start: 0, sizeBytes: target.sizeBytes}, SAMPLED);
  const mostRatio = Math.min(1, sampleRatio(pieces)) * MOST_OF_FULL;
  for (const {digest} of candidates) {
    const path = store.pathOf(digest);
    const basePieces = await samplePieces(path, {start: 0, sizeBytes: target.sizeBytes}, SAMPLED);
    const [best] = DELTA_WIDTHS.map(width => ({
      width,
      ratio: sampleRatio(pieces.map((piece, at) => differenceOf(piece, basePieces[at]!, width))),
    })).toSorted((a, b) => a.ratio - b.ratio);
    if (best === undefined || best.ratio > mostRatio) continue;
    const chunks = await encodeDelta(target, path, best.width);
    const sizeBytes = chunks.reduce((sum, {length}) => sum + length, 0);
    if (sizeBytes > mostRatio * target.sizeBytes) return null;
    const deltaDigest = await store.put(chunks);
    const delta = {
      path: `${target.path}.delta`,
      digest: deltaDigest,
      sizeBytes,
      source: store.pathOf(deltaDigest),
    };
    return {target, base: digest, delta};
  }
  return null;
}

async function encodeDelta(
  {source, sizeBytes}: ShippedFile,
  basePath: string,
  width: DeltaWidth,
): Promise<Uint8Array[]> {
  const level = sizeBytes < THOROUGH_BELOW_BYTES ? 9 : 3;
  const params = {[constants.ZSTD_c_compressionLevel]: level};
  const [target, base] = [await open(source), await open(basePath)];
  try {
    const chunks: Uint8Array[] = [Buffer.from(DELTA_MAGIC, 'latin1'), Uint8Array.of(width)];
    for (let at = 0; at < sizeBytes; at += DELTA_CHUNK_BYTES) {
      const length = Math.min(DELTA_CHUNK_BYTES, sizeBytes - at);
      const [to, from] = [Buffer.alloc(length), Buffer.alloc(length)];
      await target.read(to, 0, length, at);
      await base.read(from, 0, length, at);
      const frame = await compress(differenceOf(to, from, width), {params});
      const frameLength = Buffer.alloc(4);
      frameLength.writeUInt32LE(frame.length);
      chunks.push(frameLength, frame);
    }
    return chunks;
  } finally {
    await target.close();
    await base.close();
  }
}
