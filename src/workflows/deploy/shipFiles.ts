import type {Machine} from '../../device/machine.ts';
import type {SavedBytes} from '../../documents/savedBytes.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {BlobToSend} from './planSending.ts';
import {RESERVE_BYTES} from './requireFit.ts';
import {rangesToSend} from './resumeUpload.ts';
import {requireSuccess, runScript} from './runOnDevice.ts';
import {sendBlobs} from './sendBlobs.ts';
import {bestEncoding, type WireEncoding} from './wireEncoding.ts';

export interface ShippedFile {
  /** Relative to the folder it is shipped into. */
  readonly path: string;
  /** Where it lies on this machine. */
  readonly source: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly isExecutable?: boolean;
}

/** `sentBytes` and all that was saved are together the size of the files. */
export interface Shipment {
  readonly sentFiles: number;
  /** As they travelled, without what the transport adds. */
  readonly sentBytes: number;
  readonly savedBytes: SavedBytes;
}

/** The shipment of files that are all there already. */
export function nothingShipped(fileBytes: number): Shipment {
  const savedBytes = {alreadyThere: fileBytes, byCompression: 0, byDeltas: 0};
  return {sentFiles: 0, sentBytes: 0, savedBytes};
}

export type ReportBytes = (progress: {doneBytes: number; totalBytes: number}) => void;

/**
 * Brings a folder below ~/.edgewise onto the device: only blobs it lacks are sent, each is checked at rest by its SHA-256
 * before it gets its name, and the folder appears whole. Shipping the same again sends nothing.
 * @throws ExpectedError `disk-full`, `blob-corrupted`, `device-unreachable`
 */
export async function shipFolder(
  machine: Machine,
  folder: string,
  files: readonly ShippedFile[],
  report: ReportBytes = () => {},
): Promise<Shipment> {
  if (files.length === 0) return nothingShipped(0);
  const shipment = await sendMissingBlobs(machine, files, report);
  const tree = files.map(
    file => `${hexOfDigest(file.digest)} ${file.isExecutable === true ? 'x' : '-'} ${file.path}\n`,
  );
  await runScript(machine, deviceScript('link-tree', folder), tree.join(''));
  return shipment;
}

/** How it shows that a device's gzip or zstd does something else than ours. */
const MAY_BE_DECODERS = new Set(['blob-corrupted', 'upload-failed']);

/**
 * Sends the blobs that the device lacks; each is there afterwards under its name, checked and whole. Where a device's own
 * decoder does not make of it what was sent, it is sent again as it is.
 */
export async function sendMissingBlobs(
  machine: Machine,
  files: readonly ShippedFile[],
  report: ReportBytes = () => {},
  asked?: LackingBlobs,
): Promise<Shipment> {
  const lacks = asked ?? (await askWhatLacks(machine, files));
  const encoding = bestEncoding(machine, lacks.tools);
  try {
    return await sendLacking(machine, lacks, encoding, report);
  } catch (error) {
    const mayBeDecoder = error instanceof ExpectedError && MAY_BE_DECODERS.has(error.code);
    if (encoding === 'plain' || !mayBeDecoder) throw error;
    return sendLacking(machine, await askWhatLacks(machine, files), 'plain', report);
  }
}

async function sendLacking(
  machine: Machine,
  {lacking, fileBytes, freeBytes, tools}: LackingBlobs,
  encoding: WireEncoding,
  report: ReportBytes,
): Promise<Shipment> {
  if (lacking.length === 0) return nothingShipped(fileBytes);
  const neededBytes = lacking.reduce((sum, {file, partBytes}) => sum + file.sizeBytes - partBytes, 0);
  requireFreeSpace(machine, freeBytes, neededBytes);
  // Writing into a part never shortens it.
  const tooLong = lacking.filter(({file, partBytes}) => partBytes > file.sizeBytes);
  if (tooLong.length > 0)
    await runScript(
      machine,
      deviceScript('receive-blobs', 'drop', ...tooLong.map(({file}) => hexOfDigest(file.digest))),
    );
  const blobs = await Promise.all(
    lacking.map(async ({file, partBytes}) => ({
      ...file,
      ranges: await rangesToSend(machine, file, partBytes),
    })),
  );
  const totalBytes = lacking.reduce((sum, {file}) => sum + file.sizeBytes, 0);
  const toSendBytes = blobs.reduce((sum, blob) => sum + sizeToSend(blob), 0);
  let doneBytes = totalBytes - toSendBytes;
  let sentBytes = 0;
  await sendBlobs(machine, blobs, {
    canUnpack: tools.has('tar'),
    encoding,
    onSent: (ofBlobsBytes, wireBytes) => {
      doneBytes += ofBlobsBytes;
      sentBytes += wireBytes;
      report({doneBytes, totalBytes});
    },
  });
  await acceptBlobs(
    machine,
    lacking.map(({file}) => file),
  );
  const alreadyThere = fileBytes - toSendBytes;
  const byCompression = toSendBytes - sentBytes;
  return {sentFiles: lacking.length, sentBytes, savedBytes: {alreadyThere, byCompression, byDeltas: 0}};
}

function sizeToSend({ranges, sizeBytes}: BlobToSend): number {
  return ranges?.reduce((sum, {start, end}) => sum + end - start, 0) ?? sizeBytes;
}

interface LackingBlob {
  readonly file: ShippedFile;
  /** Of it there are so many already, right or not. */
  readonly partBytes: number;
}

/** What a device lacks of some files, and what it has for taking them in. */
export interface LackingBlobs {
  readonly lacking: readonly LackingBlob[];
  /** Of all the files together. */
  readonly fileBytes: number;
  readonly freeBytes: number | null;
  readonly tools: ReadonlySet<string>;
}

/** More would not fit onto a command line. On it they are there a round trip earlier than on standard input. */
const MOST_WORDS = 800;

function withWords(
  script: 'missing-blobs' | 'accept-blobs',
  words: readonly string[],
): {argv: string[]; stdin: string} {
  return words.length > MOST_WORDS
    ? {argv: deviceScript(script), stdin: words.map(word => `${word}\n`).join('')}
    : {argv: deviceScript(script, ...words), stdin: ''};
}

/** One round trip. */
export async function askWhatLacks(machine: Machine, files: readonly ShippedFile[]): Promise<LackingBlobs> {
  const byDigest = new Map(files.map(file => [hexOfDigest(file.digest), file]));
  const words = [...byDigest].map(([hex, {sizeBytes}]) => `${hex}:${sizeBytes}`);
  const {argv, stdin} = withWords('missing-blobs', words);
  const lines = (await runScript(machine, argv, stdin)).stdout.split('\n').map(line => line.split(' '));
  const lacking = lines.flatMap(([key, digest = '', partBytes = '0']) => {
    const file = key === 'lacks' ? byDigest.get(digest) : undefined;
    return file === undefined ? [] : [{file, partBytes: Number(partBytes)}];
  });
  const free = lines.find(([key]) => key === 'freeKilobytes')?.[1] ?? '';
  const tools = lines.flatMap(([key = '']) => (key.startsWith('tool:') ? [key.slice('tool:'.length)] : []));
  return {
    lacking,
    fileBytes: [...byDigest.values()].reduce((sum, {sizeBytes}) => sum + sizeBytes, 0),
    freeBytes: /^\d+$/.test(free) ? Number(free) * 1024 : null,
    tools: new Set(tools),
  };
}

function requireFreeSpace(machine: Machine, freeBytes: number | null, neededBytes: number): void {
  if (freeBytes === null || freeBytes >= neededBytes + RESERVE_BYTES) return;
  const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);
  throw new ExpectedError(
    'disk-full',
    `${machine.name} has ${mega(freeBytes)} MB free; ${mega(neededBytes)} MB and ${mega(RESERVE_BYTES)} MB in reserve are needed.`,
    EXIT.commandFailed,
    {hints: [`edgewise gc ${machine.name}`]},
  );
}

/** Has each checked at rest and named. @throws ExpectedError `blob-corrupted` */
async function acceptBlobs(machine: Machine, files: readonly ShippedFile[]): Promise<void> {
  const {argv, stdin} = withWords(
    'accept-blobs',
    files.map(({digest}) => hexOfDigest(digest)),
  );
  // Hashing on a slow device takes its time: 1 MB/s is the slowest that is waited for.
  const timeoutMs = 60_000 + files.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0) / 1000;
  const result = await machine.run(argv, {stdin, timeoutMs});
  if (result.exitStatus === 9) {
    throw new ExpectedError(
      'blob-corrupted',
      `What arrived on ${machine.name} is not what was sent (${result.stderr.trim().split('\n').length} files); they were removed there.`,
      EXIT.commandFailed,
      {hints: ['edgewise push --help']},
    );
  }
  requireSuccess(machine, result);
}

/** Ships a folder as one step that is shown. */
export async function ship(
  machine: Machine,
  folder: string,
  files: readonly ShippedFile[],
  what: string,
  emit: EmitEvent,
): Promise<Shipment> {
  return runStepOn(
    emit,
    machine.name,
    folder,
    `send ${what}`,
    progress => shipFolder(machine, folder, files, progress),
    outcomeOfShipping,
  );
}

/** For the line of the step that shipped it. */
export function outcomeOfShipping(shipment: Shipment): {outcome?: 'skipped'; detail: string} {
  if (shipment.sentFiles === 0) return {outcome: 'skipped', detail: 'nothing to send'};
  return {detail: `${shipment.sentFiles} files, ${textFromSent(shipment)}`};
}

/** "0.3 MB sent (181.2 MB already there, 2.1 MB saved by compression)". */
export function textFromSent({sentBytes, savedBytes}: Shipment): string {
  const parts = [
    [savedBytes.alreadyThere, 'already there'],
    [savedBytes.byCompression, 'saved by compression'],
    [savedBytes.byDeltas, 'saved by deltas'],
  ] as const;
  const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const saved = parts.flatMap(([bytes, how]) => (bytes < 0.05e6 ? [] : [`${mega(bytes)} ${how}`]));
  return `${mega(sentBytes)} sent${saved.length === 0 ? '' : ` (${saved.join(', ')})`}`;
}

export function sumOfShipments(a: Shipment, b: Shipment): Shipment {
  const sumOf = (key: keyof SavedBytes): number => a.savedBytes[key] + b.savedBytes[key];
  return {
    sentFiles: a.sentFiles + b.sentFiles,
    sentBytes: a.sentBytes + b.sentBytes,
    savedBytes: {
      alreadyThere: sumOf('alreadyThere'),
      byCompression: sumOf('byCompression'),
      byDeltas: sumOf('byDeltas'),
    },
  };
}
