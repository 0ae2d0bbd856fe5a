import {connect as connectTcp, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Duplex} from 'node:stream';
import {EXIT, ExpectedError} from '../errors.ts';
import {authenticationRefusedError, gatherCredentials, type Credentials} from './authentication.ts';
import {Deadline} from './deadline.ts';
import {unreachableError} from './deviceErrors.ts';
import {explainHostKey} from './hostKeyErrors.ts';
import type {PromptPassphrase} from './identityKeys.ts';
import {
  hostKeyFromBlob,
  judgeHostKey,
  knownKeyTypes,
  matchesHosts,
  type HostKey,
  type KnownHost,
} from './knownHosts.ts';
import {readKnownHosts, recordHostKey} from './knownHostsFiles.ts';
import type {ResolvedHost} from './resolveHost.ts';
import {Ssh2Connection} from './ssh2Connection.ts';
import type {SshConnection} from './sshConnection.ts';
import {watchSilence} from './silenceWatch.ts';
import {chooseAlgorithms} from './sshAlgorithms.ts';

const MAX_ATTEMPTS = 3;
const KEEPALIVE_MISSES = 3;

export interface OpenOptions {
  /** How the host is called in messages. */
  readonly where: string;
  readonly connectTimeoutMs: number;
  readonly promptPassphrase?: PromptPassphrase | undefined;
  /** The way through the host before this one; straight to the host when left out. */
  readonly openStream?: ((host: string, port: number) => Promise<Duplex>) | undefined;
}

/**
 * Connects, checks the host's key, proves who we are. Only connections that broke off before the login was
 * done are tried again: a full MaxStartups drops them at random, and so does a bad link.
 * @throws ExpectedError `device-unreachable`, `host-key-*`, `authentication-refused`, `ssh-algorithms-unsupported`
 */
export async function openConnection(host: ResolvedHost, options: OpenOptions): Promise<SshConnection> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    const remainingMs = options.connectTimeoutMs - (performance.now() - startedAt);
    try {
      return await attemptConnection(host, options, remainingMs);
    } catch (error) {
      const pauseMs = 150 * 2 ** attempt * (0.5 + Math.random());
      const isOutOfTime = performance.now() - startedAt + pauseMs > options.connectTimeoutMs;
      if (!(error instanceof PassingFailure)) throw error;
      if (attempt >= MAX_ATTEMPTS || isOutOfTime) throw error.expected;
      await sleep(pauseMs);
    }
  }
}

class PassingFailure extends Error {
  readonly expected: ExpectedError;

  constructor(expected: ExpectedError) {
    super(expected.message);
    this.expected = expected;
  }
}

async function attemptConnection(
  host: ResolvedHost,
  options: OpenOptions,
  timeoutMs: number,
): Promise<SshConnection> {
  const ssh2 = (await import('ssh2')).default;
  const files = [...host.userKnownHostsFiles, ...host.globalKnownHostsFiles];
  const isAbout = ({hosts}: KnownHost): boolean => host.lookupNames.some(name => matchesHosts(hosts, name));
  const entries = (await readKnownHosts(files)).filter(isAbout);
  let deadline: Deadline | undefined;
  const credentials = await gatherCredentials(ssh2, host, {
    promptPassphrase: options.promptPassphrase,
    onPromptStart: () => deadline?.pause(),
    onPromptEnd: () => deadline?.resume(),
  });
  const startedAt = performance.now();
  const socket = await (options.openStream ?? openSocket(options.where, timeoutMs))(host.hostName, host.port);
  const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt));
  // From here to client.connect nothing may be awaited: a host that hangs up meanwhile would go unnoticed.
  const client = new ssh2.Client();
  const connection = new Ssh2Connection(client, socket, options.where);
  let refusal: ExpectedError | undefined;
  let newKey: HostKey | undefined;
  let isHandshakeDone = false;
  let recording: Promise<void> = Promise.resolve();

  const ready = new Promise<void>((resolve, reject) => {
    deadline = new Deadline(leftMs, () => {
      const what = isHandshakeDone
        ? 'did not finish the login'
        : 'took the connection but did not answer as an SSH server';
      reject(unreachableError(options.where, `${what} within ${Math.round(timeoutMs / 1000)} s`));
    });
    client.on('error', error => {
      if (error.level === 'agent') return; // one key that could not sign; the next one is tried
      reject(refusal ?? explainFailure(error, options.where, host.user, credentials));
    });
    client.on('close', () =>
      reject(
        refusal ??
          new PassingFailure(unreachableError(options.where, 'closed the connection during the login')),
      ),
    );
    client.on('handshake', () => {
      isHandshakeDone = true;
      if (newKey === undefined) return;
      // Not before: only now has the host proved that the key is its own.
      recording = recordNewKey(host, files, newKey, options.where);
      recording.catch(reject);
    });
    client.on('ready', () => resolve());
  });

  const verifyHostKey = (blob: Buffer): boolean => {
    const key = hostKeyFromBlob(blob);
    if (key === undefined) return false;
    const verdict = judgeHostKey(entries, host.lookupNames, key);
    if (verdict.kind === 'unknown' && host.acceptsNewHostKeys && host.userKnownHostsFiles.length > 0) {
      newKey = key;
      return true;
    }
    refusal = explainHostKey(options.where, verdict, key, host.userKnownHostsFiles[0] ?? 'known_hosts');
    return refusal === undefined;
  };

  try {
    client.connect({
      sock: socket,
      username: host.user,
      algorithms: chooseAlgorithms(knownKeyTypes(entries, host.lookupNames)),
      hostVerifier: verifyHostKey,
      authHandler: createAuthHandler(host.user, credentials),
      readyTimeout: 0,
      keepaliveInterval: host.keepaliveMs,
      // ssh2 asks, and counts answers to that only: what is missing is watched for here.
      keepaliveCountMax: Infinity,
    });
    watchSilence(socket, {intervalMs: host.keepaliveMs, misses: KEEPALIVE_MISSES}, () => {
      const seconds = Math.round(((KEEPALIVE_MISSES + 1) * host.keepaliveMs) / 1000);
      client.emit(
        'error',
        Object.assign(new Error(`no sign of life for ${seconds} s`), {level: 'client-timeout'}),
      );
      client.destroy();
    });
    await ready;
    await recording;
    return connection;
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  } finally {
    deadline?.stop();
    // Later ends of the connection are told through SshConnection.
    ready.catch(() => {});
  }
}

/** Keys first: hosts that ask for none at all are rare, and asking them costs every other one a round trip. */
function createAuthHandler(username: string, {agent}: Credentials) {
  const methods = [
    {type: 'agent' as const, username, agent},
    {type: 'none' as const, username},
  ];
  return () => methods.shift() ?? false;
}

async function recordNewKey(
  host: ResolvedHost,
  files: readonly string[],
  key: HostKey,
  where: string,
): Promise<void> {
  const file = host.userKnownHostsFiles[0];
  if (file === undefined) return;
  const verdict = await recordHostKey({
    files,
    file,
    names: host.lookupNames,
    key,
    isHashed: host.hashesKnownHosts,
  });
  if (verdict.kind === 'unknown') return;
  const refusal = explainHostKey(where, verdict, key, file);
  if (refusal !== undefined) throw refusal;
}

function openSocket(where: string, timeoutMs: number): (host: string, port: number) => Promise<Socket> {
  return (host, port) =>
    new Promise((resolve, reject) => {
      const socket = connectTcp({host, port, noDelay: true});
      const timer = setTimeout(
        () => {
          socket.destroy();
          reject(
            unreachableError(where, `did not take a connection within ${Math.round(timeoutMs / 1000)} s`),
          );
        },
        Math.max(1, timeoutMs),
      );
      const fail = (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        const expected = unreachableError(where, describeSocketError(error, host, port), error);
        reject(
          error.code === 'ETIMEDOUT' || error.code === 'ECONNRESET' ? new PassingFailure(expected) : expected,
        );
      };
      socket.once('error', fail);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', fail);
        resolve(socket);
      });
    });
}

function describeSocketError(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `refused the connection: nothing listens on port ${port} of ${host}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot be found: the name ${host} has no address (${error.code})`;
    default:
      return `cannot be reached: ${error.message}`;
  }
}

function explainFailure(
  error: Error & {level?: string; code?: unknown},
  where: string,
  user: string,
  credentials: Credentials,
): Error {
  if (error.level === 'client-authentication' || /too many authentication failures/i.test(error.message)) {
    return authenticationRefusedError(where, user, credentials.describeAttempts(), error);
  }
  if (/no matching/i.test(error.message)) {
    return new ExpectedError(
      'ssh-algorithms-unsupported',
      `${where} speaks no algorithm that edgewise accepts: ${error.message}.`,
      EXIT.unreachable,
      {hints: ['Update the SSH server of the device'], cause: error},
    );
  }
  const expected = unreachableError(where, `broke off the SSH login: ${error.message}`, error);
  // A link that breaks off in the midst of the login has refused nobody.
  const isPassing = /Connection lost before handshake/.test(error.message) || error.code === 'ECONNRESET';
  return isPassing ? new PassingFailure(expected) : expected;
}
