import {EXIT, ExpectedError} from '../../errors.ts';
import type {Preflight} from './preflight.ts';

/** What is to be brought. */
export interface Load {
  readonly files: readonly {readonly sizeBytes: number}[];
  /** Where the release is to answer. */
  readonly port: number;
}

/** The folders, links and small files of a release, besides its blobs. */
const NEEDED_INODES = 200;
/** Node and ONNX Runtime take this much before they hold a model. */
const NEEDED_MEMORY_BYTES = 64 * 2 ** 20;
/** Kept free besides what is sent: logs, state, the file system's own needs. */
export const RESERVE_BYTES = 16 * 2 ** 20;
/** Node reserves so much of its address space before it does anything (24, x64: 1.1 GB). */
const NEEDED_ADDRESS_BYTES = 2e9;
/** The agent's own, its libraries and a few connections. */
const NEEDED_OPEN_FILES = 128;
/** What the scripts of templates/device use on the way of a push. */
const NEEDED_TOOLS = [
  ...[
    'awk',
    'basename',
    'cat',
    'chmod',
    'cut',
    'dd',
    'df',
    'dirname',
    'grep',
    'ln',
    'mkdir',
    'mv',
    'readlink',
  ],
  ...['rm', 'sed', 'sync', 'tr', 'wc'],
];
const HASH_TOOLS = ['sha256sum', 'shasum', 'openssl'];

/**
 * Whether the device can take a release at all, before anything is changed. The first thing that stands in the way is told:
 * what comes later in the list cannot be known for certain while something before it is wrong.
 * @throws ExpectedError `device-tool-missing`, `device-proc-missing`, `home-missing`, `device-read-only`,
 * `device-not-writable`, `device-no-execute`, `device-in-the-way`, `disk-full`, `inodes-full`, `device-limit-too-low`,
 * `memory-too-small`, `port-in-use`
 */
export function requireFit(seen: Preflight, device: string, load: Load): void {
  requireTools(seen, device);
  requirePlace(seen, device);
  requireRoom(seen, device, load.files);
  requireLimits(seen, device, Math.max(0, ...load.files.map(({sizeBytes}) => sizeBytes)));
  requireFreePort(seen, device, load.port);
}

function requireTools({truth}: Preflight, device: string): void {
  const install = `Install coreutils or busybox on ${device}`;
  const lacking = NEEDED_TOOLS.filter(tool => !truth.tools.includes(tool));
  if (lacking.length > 0)
    throw new ExpectedError(
      'device-tool-missing',
      `${device} has no ${lacking.join(', ')}.`,
      EXIT.commandFailed,
      {hints: [install]},
    );
  if (!HASH_TOOLS.some(tool => truth.tools.includes(tool)))
    throw new ExpectedError(
      'device-tool-missing',
      `${device} has none of ${HASH_TOOLS.join(', ')} to check files with.`,
      EXIT.commandFailed,
      {hints: [install]},
    );
  if (truth.uptimeSeconds === null || truth.bootId === null)
    throw new ExpectedError(
      'device-proc-missing',
      `${device} has no /proc, from which edgewise learns how long it runs and whether the agent lives.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} mount -t proc proc /proc`]},
    );
}

function requirePlace({truth, obstacles}: Preflight, device: string): void {
  const {user, inTheWay, unwritable, mountOptions} = obstacles;
  const {home} = truth;
  if (obstacles.isHomeMissing)
    throw new ExpectedError(
      'home-missing',
      `${user}'s home folder ${home} is not there on ${device}.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} mkdir -p ${home}`]},
    );
  if (mountOptions.includes('ro'))
    throw new ExpectedError(
      'device-read-only',
      `${home} on ${device} is on a file system that is mounted read-only.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} mount`]},
    );
  const [foreign] = unwritable;
  if (foreign !== undefined || !truth.isWritable) {
    const folder = foreign === undefined ? home : `${home}/.edgewise/${foreign.folder}`;
    const whose = foreign === undefined ? '' : ` (it is ${foreign.owner}'s)`;
    throw new ExpectedError(
      'device-not-writable',
      `${user} may not write in ${folder} on ${device}${whose}.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} ls -la ${folder}`]},
    );
  }
  if (mountOptions.includes('noexec'))
    throw new ExpectedError(
      'device-no-execute',
      `${home} on ${device} is on a file system from which no program starts (noexec), and the runtime lies there.`,
      EXIT.commandFailed,
      {hints: [`Mount it with exec, or make ${home}/.edgewise a link to a folder on another file system`]},
    );
  if (inTheWay.length > 0)
    throw new ExpectedError(
      'device-in-the-way',
      `${device} has something else where edgewise keeps a folder or a link: ${inTheWay.map(name => (name === '.' ? `${home}/.edgewise` : `${home}/.edgewise/${name}`)).join(', ')}.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} ls -la ${home}/.edgewise`]},
    );
}

function requireRoom({truth, obstacles}: Preflight, device: string, files: Load['files']): void {
  const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const totalBytes = files.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  // Which blobs the device lacks is asked for later. Here whatever is there counts as of use, so that nothing is refused
  // that would fit.
  const neededBytes = Math.max(0, totalBytes - (obstacles.blobBytes ?? totalBytes));
  if (truth.freeBytes !== null && truth.freeBytes < neededBytes + RESERVE_BYTES)
    throw new ExpectedError(
      'disk-full',
      `${device} has ${mega(truth.freeBytes)} free; ${mega(neededBytes)} and ${mega(RESERVE_BYTES)} in reserve are needed.`,
      EXIT.commandFailed,
      {hints: [`edgewise gc ${device}`]},
    );
  if (truth.freeInodes !== null && truth.freeInodes < NEEDED_INODES)
    throw new ExpectedError(
      'inodes-full',
      `${device} can hold ${truth.freeInodes} more files; ${NEEDED_INODES} are needed.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} df -i`]},
    );
}

function requireLimits({truth, obstacles}: Preflight, device: string, largestBytes: number): void {
  const {user, largestFileBytes, largestAddressBytes, mostOpenFiles} = obstacles;
  const low =
    largestFileBytes !== null && largestFileBytes < largestBytes
      ? `files of at most ${largestFileBytes} bytes (ulimit -f); the largest to be sent has ${largestBytes}`
      : largestAddressBytes !== null && largestAddressBytes < NEEDED_ADDRESS_BYTES
        ? `programs of at most ${largestAddressBytes} bytes (ulimit -v); the runtime reserves ${NEEDED_ADDRESS_BYTES}`
        : mostOpenFiles !== null && mostOpenFiles < NEEDED_OPEN_FILES
          ? `at most ${mostOpenFiles} open files (ulimit -n); the runtime may need ${NEEDED_OPEN_FILES}`
          : null;
  if (low !== null)
    throw new ExpectedError(
      'device-limit-too-low',
      `${user} on ${device} is allowed ${low}.`,
      EXIT.commandFailed,
      {hints: [`Raise it in /etc/security/limits.conf or in ${user}'s start-up files on ${device}`]},
    );
  if (truth.availableMemoryBytes !== null && truth.availableMemoryBytes < NEEDED_MEMORY_BYTES)
    throw new ExpectedError(
      'memory-too-small',
      `${device} has ${(truth.availableMemoryBytes / 1e6).toFixed(0)} MB of memory free; the runtime alone takes ${(NEEDED_MEMORY_BYTES / 1e6).toFixed(0)} MB.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} free -m`]},
    );
}

/** An agent that is alive holds its own port, and gives it up for its next release. */
function requireFreePort({truth, obstacles}: Preflight, device: string, port: number): void {
  if (!obstacles.takenPorts.includes(port)) return;
  const ownPort = truth.agent?.port ?? null;
  if ((truth.isAgentAlive && ownPort === port) || (truth.isSupervised && ownPort === null)) return;
  throw new ExpectedError(
    'port-in-use',
    `Another program listens on port ${port} of ${device}, on which the release is to answer.`,
    EXIT.commandFailed,
    {hints: [`Set endpointPort of ${device} in edgewise.yaml to another port`]},
  );
}
