import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {readDeviceTruth} from './readDeviceTruth.ts';
import {rangesToSend} from './resumeUpload.ts';
import {requireSuccess, runScript} from './runOnDevice.ts';

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

type ReportBytes = (progress: {doneBytes: number; totalBytes: number}) => void;

const FILES_AT_ONCE = 4;
/** Kept free on the device besides what is sent: logs, state, the file system's own needs. */
const RESERVE_BYTES = 16 * 1024 * 1024;

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
  const byDigest = new Map(files.map(file => [hexOfDigest(file.digest), file]));
  const listed = await runScript(
    machine,
    deviceScript('missing-blobs'),
    [...byDigest.keys()].join('\n') + '\n',
  );
  const lacking = listed.stdout.split('\n').flatMap(line => {
    const [digest = '', partBytes = '0'] = line.split(' ');
    const file = byDigest.get(digest);
    return file === undefined ? [] : [{file, partBytes: Number(partBytes)}];
  });
  if (lacking.length === 0) return {sentFiles: 0, sentBytes: 0};
  const neededBytes = lacking.reduce((sum, {file, partBytes}) => sum + file.sizeBytes - partBytes, 0);
  const home = await requireFreeSpace(machine, neededBytes);
  const sentBytes = await sendBlobs(machine, `${home}/.edgewise/blobs/sha256`, lacking, report);
  return {sentFiles: lacking.length, sentBytes};
}

interface LackingBlob {
  readonly file: ShippedFile;
  /** Of it there are so many already, right or not. */
  readonly partBytes: number;
}

async function requireFreeSpace(machine: Machine, neededBytes: number): Promise<string> {
  const {freeBytes, home} = await readDeviceTruth(machine);
  if (freeBytes !== null && freeBytes < neededBytes + RESERVE_BYTES) {
    const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);
    throw new ExpectedError(
      'disk-full',
      `${machine.name} has ${mega(freeBytes)} MB free; ${mega(neededBytes)} MB and ${mega(RESERVE_BYTES)} MB in reserve are needed.`,
      EXIT.commandFailed,
      {hints: [`ssh ${machine.name} df -h`]},
    );
  }
  return home;
}

/** Small files wait for round trips, not for the line: several are under way at once. Returns the bytes sent. */
async function sendBlobs(
  machine: Machine,
  blobs: string,
  lacking: readonly LackingBlob[],
  report: ReportBytes,
): Promise<number> {
  const totalBytes = lacking.reduce((sum, {file}) => sum + file.sizeBytes, 0);
  const doneBytes = new Map<string, number>();
  let sentBytes = 0;
  const tell = (digest: string, bytes: number): void => {
    doneBytes.set(digest, bytes);
    report({doneBytes: [...doneBytes.values()].reduce((sum, each) => sum + each, 0), totalBytes});
  };
  const sendOne = async ({file, partBytes}: LackingBlob): Promise<void> => {
    const ranges = await rangesToSend(machine, file, partBytes);
    const toSendBytes = ranges?.reduce((sum, {start, end}) => sum + end - start, 0) ?? file.sizeBytes;
    await machine.upload({path: file.source}, `${blobs}/${hexOfDigest(file.digest)}.partial`, {
      mode: 0o600,
      ...(ranges === null ? {} : {ranges}),
      onProgress: sent => tell(file.digest, file.sizeBytes - toSendBytes + sent),
    });
    sentBytes += toSendBytes;
    tell(file.digest, file.sizeBytes);
  };
  const queue = lacking.toSorted((a, b) => b.file.sizeBytes - a.file.sizeBytes);
  let isStopped = false;
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
  await settleAll(Array.from({length: FILES_AT_ONCE}, work));
  const files = lacking.map(({file}) => file);
  const digests = files.map(file => `${hexOfDigest(file.digest)}\n`).join('');
  // Hashing on a slow device takes its time: 1 MB/s is the slowest that is waited for.
  const timeoutMs = 60_000 + totalBytes / 1000;
  const result = await machine.run(deviceScript('accept-blobs'), {stdin: digests, timeoutMs});
  if (result.exitStatus === 9) {
    throw new ExpectedError(
      'blob-corrupted',
      `What arrived on ${machine.name} is not what was sent (${result.stderr.trim().split('\n').length} files); they were removed there.`,
      EXIT.commandFailed,
      {hints: ['edgewise push --help']},
    );
  }
  requireSuccess(machine, result);
  return sentBytes;
}

/** Nothing may still be writing when the failure is told. */
async function settleAll(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
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
