import {EXIT, ExpectedError} from '../errors.ts';
import type {CommandResult, Machine} from '../device/machine.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {hexOfDigest} from '../workspace/digest.ts';

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
  const byDigest = new Map(files.map(file => [hexOfDigest(file.digest), file]));
  const missing = (
    await runScript(machine, deviceScript('missing-blobs'), [...byDigest.keys()].join('\n') + '\n')
  ).stdout
    .split('\n')
    .filter(line => line !== '');
  const toSend = missing.flatMap(digest => byDigest.get(digest) ?? []);
  const totalBytes = toSend.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (toSend.length > 0) {
    const home = await requireFreeSpace(machine, totalBytes);
    await sendBlobs(machine, `${home}/.edgewise/blobs/sha256`, toSend, totalBytes, report);
  }
  const tree = files.map(
    file => `${hexOfDigest(file.digest)} ${file.isExecutable === true ? 'x' : '-'} ${file.path}\n`,
  );
  await runScript(machine, deviceScript('link-tree', folder), tree.join(''));
  return {sentFiles: toSend.length, sentBytes: totalBytes};
}

async function requireFreeSpace(machine: Machine, neededBytes: number): Promise<string> {
  const facts = factsFrom((await runScript(machine, deviceScript('preflight', '-'))).stdout);
  const freeBytes = Number(facts.get('freeKilobytes') ?? 0) * 1024;
  if (freeBytes < neededBytes + RESERVE_BYTES) {
    const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);
    throw new ExpectedError(
      'disk-full',
      `${machine.name} has ${mega(freeBytes)} MB free; ${mega(neededBytes)} MB and ${mega(RESERVE_BYTES)} MB in reserve are needed.`,
      EXIT.commandFailed,
      {hints: [`ssh ${machine.name} df -h`]},
    );
  }
  const home = facts.get('home');
  if (home === undefined) throw new Error('preflight printed no home folder');
  return home;
}

async function sendBlobs(
  machine: Machine,
  blobs: string,
  files: readonly ShippedFile[],
  totalBytes: number,
  report: ReportBytes,
): Promise<void> {
  let doneBytes = 0;
  for (const file of files) {
    const before = doneBytes;
    await machine.upload({path: file.source}, `${blobs}/${hexOfDigest(file.digest)}.partial`, {
      mode: 0o600,
      onProgress: sent => report({doneBytes: before + sent, totalBytes}),
    });
    doneBytes += file.sizeBytes;
    report({doneBytes, totalBytes});
  }
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
}

/** Runs a script that must succeed. @throws ExpectedError `device-command-failed` */
export async function runScript(
  machine: Machine,
  argv: string[],
  stdin = '',
  timeoutMs = 60_000,
): Promise<CommandResult> {
  return requireSuccess(machine, await machine.run(argv, {stdin, timeoutMs}));
}

export function requireSuccess(machine: Machine, result: CommandResult): CommandResult {
  if (result.exitStatus === 0) return result;
  const isScript = result.argv[0] === 'sh' && result.argv[1] === '-c';
  const shown = (isScript ? result.argv.slice(3) : result.argv).join(' ');
  const lastLines = result.stderr.trim().split('\n').slice(-5).join('\n');
  const how =
    result.exitStatus === null
      ? `was ended by ${result.signal ?? 'a signal'}`
      : `exited with ${result.exitStatus}`;
  throw new ExpectedError(
    'device-command-failed',
    `"${shown}" ${how} on ${machine.name} (${machine.address})${lastLines === '' ? '.' : `: ${lastLines}`}`,
    EXIT.commandFailed,
  );
}

/** The "key value" lines of preflight.sh. */
export function factsFrom(stdout: string): Map<string, string> {
  return new Map(
    stdout
      .split('\n')
      .filter(line => line.includes(' '))
      .map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  );
}
