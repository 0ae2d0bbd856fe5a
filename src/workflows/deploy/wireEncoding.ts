import {promisify} from 'node:util';
import {constants, gzip, zstdCompress, zstdCompressSync} from 'node:zlib';
import type {Machine} from '../../device/machine.ts';

/** How bytes travel; what the device's own tools make plain again while they arrive. */
export type WireEncoding = 'plain' | 'gzip' | 'zstd';

/**
 * What one thread encodes at the levels below: Node's binary and ONNX Runtime's library in pieces of 1 MiB took 78–170 MB/s
 * with zstd 1 and 3, 24–59 MB/s with gzip 1 and 6 (2026-11-30, two busy cores of an EPYC).
 */
const ENCODED_BYTES_PER_SECOND = {gzip: 25e6, zstd: 100e6} as const;
/** Encoded this much less is not worth two more processes on the device. */
const MOST_RATIO = 0.97;
/** Taken before anything has crossed the link: sshd's window of 2 MiB for each of seven streams, and a socket's buffer. */
const BUFFERED_BYTES = 18 * 2 ** 20;
const FIRST_JUDGED_MS = 1000;
/** Slower links leave the time for more than a thread does at once. */
const SLOW_BYTES_PER_SECOND = 2e6;

/** Between these lies what crosses the link. */
export interface WireRates {
  readonly leastBytesPerSecond: number;
  readonly mostBytesPerSecond: number;
}

/** What is known of a link when so much was handed to it since `elapsedMs`: it keeps back what is in buffers. */
export function wireRates(handedBytes: number, elapsedMs: number): WireRates {
  const perSecond = (bytes: number): number => (bytes * 1000) / Math.max(1, elapsedMs);
  return {
    leastBytesPerSecond: perSecond(Math.max(0, handedBytes - BUFFERED_BYTES)),
    mostBytesPerSecond: elapsedMs < FIRST_JUDGED_MS ? Infinity : perSecond(handedBytes),
  };
}

/** The best that the device can decode. On this machine itself there is no link to spare. */
export function bestEncoding({address}: Pick<Machine, 'address'>, tools: ReadonlySet<string>): WireEncoding {
  // Without head nothing would bound what comes out of a decoder.
  if (address === 'local' || !tools.has('head')) return 'plain';
  return tools.has('zstd') ? 'zstd' : tools.has('gzip') ? 'gzip' : 'plain';
}

/** Whether the link would take longer for what encoding saves than encoding takes. */
export function isWorthEncoding(
  encoding: WireEncoding,
  ratio: number,
  {leastBytesPerSecond}: WireRates,
): encoding is 'gzip' | 'zstd' {
  if (encoding === 'plain' || ratio > MOST_RATIO) return false;
  return leastBytesPerSecond < (1 - ratio) * ENCODED_BYTES_PER_SECOND[encoding];
}

/** What of them would be left, each taken by itself. */
export function sampleRatio(pieces: readonly Uint8Array[]): number {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const params = {[constants.ZSTD_c_compressionLevel]: 1};
  const left = pieces.reduce((sum, piece) => sum + zstdCompressSync(piece, {params}).length, 0);
  return bytes === 0 ? 1 : left / bytes;
}

const encodeZstd = promisify<Uint8Array, {params: Record<number, number>}, Buffer>(zstdCompress);
const encodeGzip = promisify<Uint8Array, {level: number}, Buffer>(gzip);

/** One whole frame or member; several behind each other decode to what was in all of them. */
export async function encodeFrame(
  encoding: 'gzip' | 'zstd',
  bytes: Uint8Array,
  {mostBytesPerSecond}: WireRates,
): Promise<Uint8Array> {
  const isSlow = mostBytesPerSecond < SLOW_BYTES_PER_SECOND;
  if (encoding === 'gzip') return encodeGzip(bytes, {level: isSlow ? 6 : 1});
  return encodeZstd(bytes, {params: {[constants.ZSTD_c_compressionLevel]: isSlow ? 9 : 3}});
}
