import type {Machine} from '../../device/machine.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {decodedBytes, encodedChunks, plainChunks, sampleSending} from './chunksOfSending.ts';
import {explainFailedWrite} from './explainFailedWrite.ts';
import {BLOCK_BYTES, planSending, type BlobToSend, type Sending} from './planSending.ts';
import {isWorthEncoding, wireRates, type WireEncoding} from './wireEncoding.ts';

/**
 * How many streams of one connection are written at once. Each may have 2 MiB under way (sshd's window), which on a link of
 * 100 ms is 20 MB/s; sshd's MaxSessions is ten, and one place stays free for the renewal of the lock.
 */
export const STREAMS_AT_ONCE = 7;
/** A minute, and a second for each 16 KiB of all: the slowest link that is waited for. */
const timeoutOf = (totalBytes: number): number => 60_000 + (totalBytes / (16 * 1024)) * 1000;

interface SendingOptions {
  readonly canUnpack: boolean;
  /** The best that the device decodes. */
  readonly encoding: WireEncoding;
  /** Of the blobs, and of what was sent for them. */
  readonly onSent: (ofBlobsBytes: number, wireBytes: number) => void;
}

/**
 * Brings blobs into their parts on the device, several streams at once, large ones in stripes and small ones in bundles, each
 * encoded where that pays on this link. What was written stays for the next attempt when the connection is lost; when the disk
 * is full, the room is given back.
 * @throws ExpectedError `disk-full`, `device-read-only`, `upload-failed`, `device-unreachable`
 */
export async function sendBlobs(
  machine: Machine,
  blobs: readonly BlobToSend[],
  {canUnpack, encoding, onSent}: SendingOptions,
): Promise<void> {
  const queue = planSending(blobs, {streams: STREAMS_AT_ONCE, canBundle: canUnpack});
  const totalBytes = queue.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  const startedAt = performance.now();
  let handedBytes = 0;
  let isStopped = false;
  const readRates = () => wireRates(handedBytes, performance.now() - startedAt);

  const sendOne = async (sending: Sending): Promise<void> => {
    const ratio = encoding === 'plain' ? 1 : await sampleSending(sending);
    const isEncoded = isWorthEncoding(encoding, ratio, readRates());
    const chunks = isEncoded ? encodedChunks(sending, encoding, readRates) : plainChunks(sending);
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const {bytes, ofBlobsBytes} of chunks) {
        if (isStopped) return;
        yield bytes;
        handedBytes += bytes.length;
        // The headers of an archive are no part of any blob.
        onSent(ofBlobsBytes, isEncoded ? bytes.length : ofBlobsBytes);
      }
    }
    const args =
      sending.kind === 'stripe'
        ? ['stripe', hexOfDigest(sending.blob.digest), String(sending.start / BLOCK_BYTES)]
        : ['bundle'];
    if (isEncoded) args.push(encoding, String(decodedBytes(sending)));
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

/** Nothing may still be writing when the failure is told. */
async function settleAll(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
