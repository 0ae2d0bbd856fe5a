import {homedir} from 'node:os';
import type {Duplex} from 'node:stream';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {ignoreEvents} from '../events.ts';
import type {ConnectOptions, MachineTarget} from './connectOptions.ts';
import {settleWithin} from './deadline.ts';
import {unreachableError} from './deviceErrors.ts';
import {LocalMachine} from './localMachine.ts';
import type {Machine} from './machine.ts';
import {readSshConfig} from './readSshConfig.ts';
import {resolveHost, type HostRequest} from './resolveHost.ts';
import {openConnection} from './openConnection.ts';
import type {SshConnection} from './sshConnection.ts';
import type {ConfigNode} from './sshConfig.ts';
import {SshMachine} from './sshMachine.ts';
import {openOpenSsh} from './openssh/openOpenSsh.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const MAX_HOPS = 8;

/**
 * A machine ready for use; close it when done.
 * @throws ExpectedError `device-unreachable`, `host-key-unknown`, `host-key-changed`, `host-key-revoked`,
 * `host-certificate-unsupported`, `authentication-refused`, `ssh-config-invalid`, `ssh-setting-unsupported`,
 * `openssh-missing`
 */
export async function connectMachine(target: MachineTarget, options: ConnectOptions): Promise<Machine> {
  const home = options.environment.HOME ?? homedir();
  if (target.address === 'local') return new LocalMachine(target.name, home, options.environment);
  if (options.transport === 'openssh') {
    const {connection, address} = await openOpenSsh(target, options);
    return new SshMachine(target.name, address, connection, []);
  }
  const files = await readSshConfig(options.configFile, {home, environment: options.environment});
  const hops: SshConnection[] = [];
  try {
    const {connection, address} = await connectThrough(
      files,
      target,
      target.name,
      options,
      home,
      hops,
      undefined,
      0,
    );
    return new SshMachine(target.name, address, connection, hops);
  } catch (error) {
    for (const hop of hops.toReversed()) await hop.end();
    throw error;
  }
}

type OpenStream = (host: string, port: number) => Promise<Duplex>;

async function connectThrough(
  files: readonly (readonly ConfigNode[])[],
  target: Omit<MachineTarget, 'name'>,
  name: string,
  options: ConnectOptions,
  home: string,
  hops: SshConnection[],
  openStream: OpenStream | undefined,
  depth: number,
): Promise<{connection: SshConnection; address: string}> {
  if (depth > MAX_HOPS) {
    throw new ExpectedError(
      'ssh-config-invalid',
      `${name}: ProxyJump leads through more than ${MAX_HOPS} hosts.`,
      EXIT.invalidDocument,
    );
  }
  const request: HostRequest = {...target, ...options, home};
  const host = resolveHost(files, request);
  for (const text of host.notes) (options.emit ?? ignoreEvents)({kind: 'note', level: 'warning', text});
  const address = `${host.user}@${host.hostName}:${host.port}`;
  const timeoutMs = options.connectTimeoutMs ?? host.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  let stream = openStream;
  // A host that is already reached through another one does not follow its own ProxyJump, as with ssh -J.
  if (stream === undefined) {
    for (const jump of host.jumps) {
      const through = await connectThrough(
        files,
        {...jump, address: jump.host},
        jump.host,
        options,
        home,
        hops,
        stream,
        depth + 1,
      );
      hops.push(through.connection);
      stream = (to, port) => reachThrough(through.connection, name, to, port, timeoutMs);
    }
  }
  const connection = await openConnection(host, {
    where: `${name} (${address})`,
    connectTimeoutMs: timeoutMs,
    promptPassphrase: options.promptPassphrase,
    openStream: stream,
  });
  return {connection, address};
}

/** @throws ExpectedError `device-unreachable` */
async function reachThrough(
  jump: SshConnection,
  name: string,
  host: string,
  port: number,
  timeoutMs: number,
): Promise<Duplex> {
  const opening = jump.forward(host, port);
  const failed = (what: string, cause?: unknown) =>
    unreachableError(`${name} (${host}:${port})`, `cannot be reached through ${jump.where}: ${what}`, cause);
  try {
    const stream = await settleWithin(timeoutMs, opening);
    if (stream !== undefined) return stream;
  } catch (error) {
    throw error instanceof ExpectedError ? error : failed(messageOf(error), error);
  }
  opening.then(
    late => late.destroy(),
    () => {},
  );
  throw failed(`no connection within ${Math.round(timeoutMs / 1000)} s`);
}
