import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {BlobToSend} from './planSending.ts';
import {RESERVE_BYTES} from './requireFit.ts';
import {rangesToSend} from './resumeUpload.ts';
import {requireSuccess, runScript} from './runOnDevice.ts';
import {sendBlobs} from './sendBlobs.ts';

export interface ShippedFile {
  /** Relative to the folder it is shipped into. */
  readonly path: string;
  /** Where it lies on this machine. */
  readonly source: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly isExecutable?: boolean;
}

export interface Shipment {
  readonly sentFiles: number;
  readonly sentBytes: number;
}

const NOTHING_SENT: Shipment = {sentFiles: 0, sentBytes: 0};

type ReportBytes = (progress: {doneBytes: number; totalBytes: number}) => void;

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
  if (files.length === 0) return NOTHING_SENT;
  const shipment = await sendMissingBlobs(machine, files, report);
  const tree = files.map(
    file => `${hexOfDigest(file.digest)} ${file.isExecutable === true ? 'x' : '-'} ${file.path}\n`,
  );
  await runScript(machine, deviceScript('link-tree', folder), tree.join(''));
  return shipment;
}

/** Sends the blobs that the device lacks; each is there afterwards under its name, checked and whole. */
export async function sendMissingBlobs(
  machine: Machine,
  files: readonly ShippedFile[],
  report: ReportBytes = () => {},
): Promise<Shipment> {
  const {lacking, freeBytes, tools} = await askWhatLacks(machine, files);
  if (lacking.length === 0) return NOTHING_SENT;
  const totalBytes = lacking.reduce((sum, {file}) => sum + file.sizeBytes, 0);
  const neededBytes = lacking.reduce((sum, {file, partBytes}) => sum + file.sizeBytes - partBytes, 0);
  requireFreeSpace(machine, freeBytes, neededBytes);
  const blobs = await Promise.all(
    lacking.map(async ({file, partBytes}) => ({
      ...file,
      ranges: await rangesToSend(machine, file, partBytes),
    })),
  );
  const toSendBytes = blobs.reduce((sum, blob) => sum + sizeToSend(blob), 0);
  let sentBytes = 0;
  await sendBlobs(machine, blobs, {
    canUnpack: tools.has('tar'),
    onSent: bytes => {
      sentBytes += bytes;
      report({doneBytes: totalBytes - toSendBytes + sentBytes, totalBytes});
    },
  });
  await acceptBlobs(
    machine,
    lacking.map(({file}) => file),
  );
  return {sentFiles: lacking.length, sentBytes: toSendBytes};
}

function sizeToSend({ranges, sizeBytes}: BlobToSend): number {
  return ranges?.reduce((sum, {start, end}) => sum + end - start, 0) ?? sizeBytes;
}

interface LackingBlob {
  readonly file: ShippedFile;
  /** Of it there are so many already, right or not. */
  readonly partBytes: number;
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

async function askWhatLacks(
  machine: Machine,
  files: readonly ShippedFile[],
): Promise<{lacking: LackingBlob[]; freeBytes: number | null; tools: ReadonlySet<string>}> {
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
  return {lacking, freeBytes: /^\d+$/.test(free) ? Number(free) * 1024 : null, tools: new Set(tools)};
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
  return runStep(
    emit,
    `${machine.name}/${folder}`,
    `${machine.name}: send ${what}`,
    progress => shipFolder(machine, folder, files, progress),
    ({sentFiles, sentBytes}) =>
      sentFiles === 0
        ? {outcome: 'skipped', detail: 'nothing to send'}
        : {detail: `${sentFiles} files, ${(sentBytes / 1e6).toFixed(1)} MB`},
  );
}

export function sumOfShipments(a: Shipment, b: Shipment): Shipment {
  return {sentFiles: a.sentFiles + b.sentFiles, sentBytes: a.sentBytes + b.sentBytes};
}
