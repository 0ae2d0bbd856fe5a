import {open, type FileHandle} from 'node:fs/promises';
import type {Machine} from '../../device/machine.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {bundleOfParts} from './bundleOfParts.ts';
import {explainFailedWrite} from './explainFailedWrite.ts';
import {BLOCK_BYTES, planSending, type BlobToSend, type Sending} from './planSending.ts';

/**
 * How many streams of one connection are written at once. Each may have 2 MiB under way (sshd's window), which on a link of
 * 100 ms is 20 MB/s; sshd's MaxSessions is ten, and one place stays free for the renewal of the lock.
 */
export const STREAMS_AT_ONCE = 7;
const READ_BYTES = 4 * BLOCK_BYTES;
/** A minute, and a second for each 16 KiB of all: the slowest link that is waited for. */
const timeoutOf = (totalBytes: number): number => 60_000 + (totalBytes / (16 * 1024)) * 1000;

/**
 * Brings blobs into their parts on the device, several streams at once, large ones in stripes and small ones in bundles.
 * What was written stays for the next attempt when the connection is lost; when the disk is full, the room is given back.
 * @throws ExpectedError `disk-full`, `device-read-only`, `upload-failed`, `device-unreachable`
 */
export async function sendBlobs(
  machine: Machine,
  blobs: readonly BlobToSend[],
  {canUnpack, onSent}: {readonly canUnpack: boolean; readonly onSent: (bytes: number) => void},
): Promise<void> {
  const queue = planSending(blobs, {streams: STREAMS_AT_ONCE, canBundle: canUnpack});
  const totalBytes = queue.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  let isStopped = false;

  const sendOne = async (sending: Sending): Promise<void> => {
    const chunks = sending.kind === 'stripe' ? chunksOfStripe(sending) : bundleOfParts(sending.blobs);
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const {bytes, ofBlobsBytes} of chunks) {
        if (isStopped) return;
        yield bytes;
        onSent(ofBlobsBytes);
      }
    }
    const args =
      sending.kind === 'stripe'
        ? ['stripe', hexOfDigest(sending.blob.digest), String(sending.start / BLOCK_BYTES)]
        : ['bundle'];
    const result = await machine.run(deviceScript('receive-blobs', ...args), {
      stdin: counted(),
      timeoutMs: timeoutOf(totalBytes),
    });
    if (result.exitStatus !== 0) throw explainFailedWrite(machine, result, totalBytes);
  };
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && !isStopped; next = queue.shift()) {
      try {
        await sendOne(next);
      } catch (error) {
        isStopped = true;
        throw error;
      }
    }
  };
  try {
    await settleAll(Array.from({length: STREAMS_AT_ONCE}, work));
  } catch (error) {
    const hexes = blobs.map(({digest}) => hexOfDigest(digest));
    // Fails with the connection, and then the parts are of use.
    await machine.run(deviceScript('receive-blobs', 'drop', ...hexes)).catch(() => {});
    throw error;
  }
}

async function* chunksOfStripe({
  blob,
  start,
  sizeBytes,
}: Extract<Sending, {kind: 'stripe'}>): AsyncGenerator<{bytes: Uint8Array; ofBlobsBytes: number}> {
  const handle = await open(blob.source, 'r');
  try {
    for (let at = start; at < start + sizeBytes; at += READ_BYTES) {
      const bytes = await readExactly(handle, blob.source, at, Math.min(READ_BYTES, start + sizeBytes - at));
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

/** Nothing may still be writing when the failure is told. */
async function settleAll(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
