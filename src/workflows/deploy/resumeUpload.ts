import {createHash} from 'node:crypto';
import {open} from 'node:fs/promises';
import type {ByteRange, Machine} from '../../device/machine.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {runScript} from './runOnDevice.ts';

/** Several channels write at once, so the part that arrived may have holes: it is compared piece by piece. */
const PIECE_BYTES = 256 * 1024;
/** Below this, sending again is faster than asking. */
const LEAST_RESUMED_BYTES = 1024 * 1024;

interface SourceFile {
  readonly source: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/**
 * What is still to be sent of a blob of which `partBytes` are on the device; `null` means all of it. A length proves
 * nothing: what counts are the digests of what lies there.
 */
export async function rangesToSend(
  machine: Machine,
  file: SourceFile,
  partBytes: number,
): Promise<readonly ByteRange[] | null> {
  if (partBytes < LEAST_RESUMED_BYTES || partBytes > file.sizeBytes) return null;
  const hex = hexOfDigest(file.digest);
  const timeoutMs = 60_000 + partBytes / 1000;
  const {stdout} = await runScript(
    machine,
    deviceScript('part-digests', hex, String(PIECE_BYTES)),
    '',
    timeoutMs,
  );
  const there = stdout.split('\n').filter(line => line !== '');
  return missingRanges(file, await digestsOfPieces(file.source, there.length), there);
}

function missingRanges(
  {sizeBytes}: SourceFile,
  here: readonly string[],
  there: readonly string[],
): ByteRange[] {
  const ranges: {start: number; end: number}[] = [];
  for (let piece = 0; piece * PIECE_BYTES < sizeBytes; piece++) {
    if (here[piece] !== undefined && here[piece] === there[piece]) continue;
    const start = piece * PIECE_BYTES;
    const end = Math.min(sizeBytes, start + PIECE_BYTES);
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({start, end});
  }
  return ranges;
}

async function digestsOfPieces(path: string, count: number): Promise<string[]> {
  const digests: string[] = [];
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(PIECE_BYTES);
    for (let piece = 0; piece < count; piece++) {
      const {bytesRead} = await handle.read(buffer, 0, PIECE_BYTES, piece * PIECE_BYTES);
      digests.push(createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex'));
    }
  } finally {
    await handle.close();
  }
  return digests;
}
