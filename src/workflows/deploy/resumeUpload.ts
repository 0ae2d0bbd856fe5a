import {createHash} from 'node:crypto';
import {open} from 'node:fs/promises';
import type {Machine} from '../../device/machine.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {BLOCK_BYTES, type ByteRange} from './planSending.ts';
import {runScript} from './runOnDevice.ts';

/** Several streams write at once, so the part that arrived has holes: it is compared piece by piece. */
const PIECE_BLOCKS = 4;
/** Below this, sending again is faster than asking. */
const LEAST_RESUMED_BYTES = 1024 * 1024;

interface SourceFile {
  readonly source: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Counted in blocks, the end excluded. */
interface Run {
  readonly first: number;
  readonly end: number;
}

/**
 * What is still to be sent of a blob of which `partBytes` are on the device; `null` means all of it. A length proves
 * nothing: what counts are the digests of what lies there, first of large pieces, then of the blocks of those where a
 * stream was cut off.
 */
export async function rangesToSend(
  machine: Machine,
  file: SourceFile,
  partBytes: number,
): Promise<readonly ByteRange[] | null> {
  if (partBytes < LEAST_RESUMED_BYTES || partBytes > file.sizeBytes) return null;
  const blocks = Math.ceil(file.sizeBytes / BLOCK_BYTES);
  const pieces = await differingRuns(machine, file, PIECE_BLOCKS, [{first: 0, end: blocks}]);
  // A stream writes from front to back, so right blocks of a wrong piece are in the first of a run.
  const cut = pieces.map(({first, end}) => ({first, end: Math.min(end, first + PIECE_BLOCKS)}));
  const cutBlocks = await differingRuns(machine, file, 1, cut);
  const rest = pieces.flatMap(({first, end}) =>
    first + PIECE_BLOCKS < end ? [{first: first + PIECE_BLOCKS, end}] : [],
  );
  return joinRuns([...cutBlocks, ...rest]).map(({first, end}) => ({
    start: first * BLOCK_BYTES,
    end: Math.min(file.sizeBytes, end * BLOCK_BYTES),
  }));
}

/** Of the runs, those pieces of so many blocks whose digests there and here are not the same. */
async function differingRuns(
  machine: Machine,
  {source, digest, sizeBytes}: SourceFile,
  pieceBlocks: number,
  runs: readonly Run[],
): Promise<Run[]> {
  if (runs.length === 0) return [];
  const pieceBytes = pieceBlocks * BLOCK_BYTES;
  const words = runs.map(
    ({first, end}) => `${first / pieceBlocks}:${Math.ceil((end - first) / pieceBlocks)}`,
  );
  const argv = deviceScript('part-digests', hexOfDigest(digest), String(pieceBytes), ...words);
  const {stdout} = await runScript(machine, argv, '', 60_000 + sizeBytes / 1000);
  // A part that ends early leaves out lines only at the end: what lies behind its end is behind all that is there.
  const there = stdout.split('\n').filter(line => line !== '');
  const differing: Run[] = [];
  let line = 0;
  const handle = await open(source, 'r');
  try {
    const buffer = Buffer.alloc(pieceBytes);
    for (const run of runs) {
      for (let first = run.first; first < run.end; first += pieceBlocks) {
        const {bytesRead} = await handle.read(buffer, 0, pieceBytes, first * BLOCK_BYTES);
        const here = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
        if (here !== there[line]) differing.push({first, end: Math.min(run.end, first + pieceBlocks)});
        line += 1;
      }
    }
  } finally {
    await handle.close();
  }
  return joinRuns(differing);
}

function joinRuns(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const run of runs.toSorted((a, b) => a.first - b.first)) {
    const last = joined.at(-1);
    if (last?.end === run.first) joined[joined.length - 1] = {first: last.first, end: run.end};
    else joined.push(run);
  }
  return joined;
}
