import {execFile} from 'node:child_process';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {sendMissingBlobs} from '../../src/workflows/deploy/shipFiles.ts';
import {digestOfFile, hexOfDigest} from '../../src/workspace/digest.ts';
import {hermetic, targetOf} from '../../test/integration/machineSuite.ts';
import type {TestSshServer} from '../../test/integration/sshServers.ts';

const run = promisify(execFile);

/** A way to bring one file onto a device, from nothing to a closed connection. */
export interface Contender {
  readonly name: string;
  /** Answers where the file lies afterwards. */
  send(): Promise<string>;
}

export interface UploadCase {
  readonly server: TestSshServer;
  /** Of the relay in front of the server. */
  readonly port: number;
  /** The device's home folder. */
  readonly home: string;
  readonly file: string;
  readonly sizeBytes: number;
  /** Whether the peers compress; ours decides for itself. */
  readonly isCompressed: boolean;
  readonly scratch: string;
}

/** Connects anew for each transfer, as the peers do. */
export async function withRelayedMachine<T>(
  {server, port, scratch}: Pick<UploadCase, 'server' | 'port' | 'scratch'>,
  work: (machine: Machine) => Promise<T>,
): Promise<T> {
  const machine = await connectMachine(
    targetOf(server, {port}),
    hermetic(server, scratch, {acceptNewHostKeys: true, knownHostsFile: join(scratch, 'known_hosts')}),
  );
  try {
    return await work(machine);
  } finally {
    await machine.close();
  }
}

/** Ours does what a push does with a blob: asks what is there, sends, has the device check it at rest and name it. */
export async function openContenders(upload: UploadCase): Promise<Contender[]> {
  const {server, port, home, file, sizeBytes, isCompressed} = upload;
  const digest = await digestOfFile(file);
  const options = [
    ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=ERROR'],
    ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes', '-i', server.userKeyFile],
  ];
  const host = `${server.user}@${server.host}`;
  const peer = (name: string, command: (target: string) => readonly [string, ...string[]]): Contender => ({
    name,
    async send() {
      const target = join(home, name);
      await rm(target, {force: true});
      const [program, ...args] = command(target);
      await run(program, args);
      return target;
    },
  });
  return [
    {
      name: 'edgewise',
      async send() {
        const blobs = join(home, '.edgewise/blobs/sha256');
        await rm(blobs, {recursive: true, force: true});
        await withRelayedMachine(upload, machine =>
          sendMissingBlobs(machine, [{path: 'weights', source: file, digest, sizeBytes}]),
        );
        return join(blobs, hexOfDigest(digest));
      },
    },
    peer('scp', target => [
      'scp',
      ...(isCompressed ? ['-C'] : []),
      ...['-q', ...options, '-P', String(port), file, `${host}:${target}`],
    ]),
    peer('rsync', target => [
      'rsync',
      ...(isCompressed ? ['-z'] : []),
      ...['--whole-file', '-e', ['ssh', ...options, '-p', String(port)].join(' ')],
      ...[file, `${host}:${target}`],
    ]),
  ];
}
