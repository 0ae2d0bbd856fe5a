import {askCommands} from '../../device/askCommands.ts';
import {findingsFrom} from '../../device/askProbes.ts';
import {checkSupported} from '../../device/checkSupported.ts';
import type {Machine} from '../../device/machine.ts';
import {probes} from '../../device/probes/index.ts';
import {architectureOf} from '../../device/probeHardware.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {truthFrom, type DeviceTruth} from './readDeviceTruth.ts';
import {factsFrom, numberFrom} from './runOnDevice.ts';

/** What may stand in the way of a push, besides what the device's truth says. */
export interface Obstacles {
  readonly user: string;
  readonly isHomeMissing: boolean;
  /** Below ~/.edgewise: something else where a folder or a link of ours is to be. */
  readonly inTheWay: readonly string[];
  /** Folders below ~/.edgewise in which this user may not write, and whose they are. */
  readonly unwritable: readonly {readonly folder: string; readonly owner: string}[];
  /** Of the file system that releases lie on; empty where the device does not tell. */
  readonly mountOptions: readonly string[];
  /** What blobs take on the device, those that were cut off included. */
  readonly blobBytes: number | null;
  /** `null`: no limit. */
  readonly largestFileBytes: number | null;
  readonly largestAddressBytes: number | null;
  readonly mostOpenFiles: number | null;
  /** TCP ports on which somebody listens where the endpoint is to listen. */
  readonly takenPorts: readonly number[];
}

export interface Preflight {
  readonly truth: DeviceTruth;
  readonly obstacles: Obstacles;
}

const SYSTEM = ['architecture', 'userspaceBits', 'operatingSystem', 'libc'] as const;

/**
 * Everything that a push must know before it changes anything, in one round trip.
 * @throws ExpectedError `architecture-unsupported`, `libc-unsupported`: what no change on the device would mend
 */
export async function readPreflight(machine: Machine): Promise<Preflight> {
  const commands = [...SYSTEM.map(name => probes[name].argv), deviceScript('truth', 'preflight')];
  const answers = await askCommands(machine, commands);
  const {architecture, userspaceBits, operatingSystem, libc} = findingsFrom(SYSTEM, answers);
  checkSupported(
    {
      architecture: architectureOf(architecture ?? 'unknown', userspaceBits),
      operatingSystem: operatingSystem ?? 'unknown',
      libc: libc ?? {name: 'unknown', version: '0'},
    },
    machine.name,
  );
  const stdout = answers.at(-1) ?? '';
  return {truth: truthFrom(stdout), obstacles: obstaclesFrom(stdout)};
}

/** From the "key value" lines of truth.sh. */
export function obstaclesFrom(stdout: string): Obstacles {
  const facts = factsFrom(stdout);
  const startingWith = (prefix: string): [name: string, value: string][] =>
    [...facts]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]);
  return {
    user: facts.get('user') ?? 'this user',
    isHomeMissing: facts.has('homeMissing'),
    inTheWay: startingWith('inTheWay:').map(([name]) => name),
    unwritable: startingWith('unwritable:').map(([folder, owner]) => ({folder, owner})),
    mountOptions: (facts.get('mountOptions') ?? '').split(',').filter(option => option !== ''),
    blobBytes: numberFrom(facts.get('blobKilobytes'), 1024),
    // POSIX counts the size of files in blocks of 512 bytes.
    largestFileBytes: numberFrom(facts.get('fileBlocksLimit'), 512),
    largestAddressBytes: numberFrom(facts.get('addressKilobytesLimit'), 1024),
    mostOpenFiles: numberFrom(facts.get('openFilesLimit')),
    takenPorts: takenPorts(facts.get('listening') ?? ''),
  };
}

/** As /proc/net/tcp writes the addresses that take connections to 127.0.0.1: words of four bytes, the last byte first. */
const LOOPBACK = new Set([
  '0100007F',
  '00000000',
  '00000000000000000000000000000000',
  '0000000000000000FFFF00000100007F',
]);

function takenPorts(listening: string): number[] {
  return listening.split(' ').flatMap(place => {
    const [address = '', port = ''] = place.split(':');
    return LOOPBACK.has(address) ? [Number.parseInt(port, 16)] : [];
  });
}
