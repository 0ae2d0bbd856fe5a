import {execFile, spawn, type ChildProcess} from 'node:child_process';
import {chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {accessSync, constants} from 'node:fs';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {findFreePort} from './freePort.ts';
import {promisify} from 'node:util';

const execFileAsync = promisify(execFile);

/** A real SSH server on loopback, its keys, and a folder on it that tests may fill. */
export interface TestSshServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key; the public one lies beside it with `.pub`. */
  readonly hostKeyFile: string;
  /** Private key of the only user that is let in; unencrypted. */
  readonly userKeyFile: string;
  /** Holds the server's key, so that a strict client connects. */
  readonly knownHostsFile: string;
  /** Absolute folder on the device, empty at first. */
  readonly scratch: string;
  stop(): Promise<void>;
}

export interface TestSshServerOptions {
  readonly hostKeyType?: KeyType;
  readonly userKeyType?: KeyType;
}

export interface OpenSshServer extends TestSshServer {
  /** Process ids of the sessions under way, without the listening process. */
  listSessions(): Promise<number[]>;
}

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';
export type StartTestServer = (options?: TestSshServerOptions) => Promise<TestSshServer | null>;

const SSHD = '/usr/sbin/sshd';

export function isOpenSshInstalled(): boolean {
  try {
    accessSync(SSHD, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A new key pair; its public half is `${file}.pub`. */
export async function makeKey(file: string, type: KeyType = 'ed25519', ...more: string[]): Promise<string> {
  const size = type === 'rsa' ? ['-b', '2048'] : [];
  const passphrase = more.includes('-N') ? [] : ['-N', ''];
  await execFileAsync('ssh-keygen', [
    '-q',
    '-t',
    type,
    ...size,
    ...passphrase,
    ...more,
    '-C',
    'edgewise test',
    '-f',
    file,
  ]);
  return file;
}

/** A known_hosts line for a server's key. */
export async function knownHostsLine(
  server: Pick<TestSshServer, 'host' | 'port' | 'hostKeyFile'>,
): Promise<string> {
  return `[${server.host}]:${server.port} ${await publicKeyOf(server.hostKeyFile)}`;
}

/** Type and key, without the comment. */
export async function publicKeyOf(keyFile: string): Promise<string> {
  return (await readFile(`${keyFile}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
}

export interface OpenSshOptions extends TestSshServerOptions {
  readonly configuration?: readonly string[];
  readonly hasSftp?: boolean;
  /** Where the scratch folder goes; default: the server's own folder. */
  readonly scratch?: string;
}

/**
 * Starts OpenSSH's sshd on a free port with keys of its own; `null` where it is not installed. All paths are absolute:
 * with relative ones sshd starts and then resets every connection.
 */
export async function startOpenSshServer(options: OpenSshOptions = {}): Promise<OpenSshServer | null> {
  if (!isOpenSshInstalled()) {
    if (process.env.EDGEWISE_REQUIRE_OPENSSH === '1')
      throw new Error(`EDGEWISE_REQUIRE_OPENSSH=1, but there is no ${SSHD}`);
    return null;
  }
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-sshd-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await mkdir('/run/sshd', {recursive: true, mode: 0o755});
  const hostKeyFile = await makeKey(join(folder, 'host_key'), options.hostKeyType);
  const userKeyFile = await makeKey(join(folder, 'user_key'), options.userKeyType);
  await copyFile(`${userKeyFile}.pub`, join(folder, 'authorized_keys'));
  const scratch = options.scratch ?? join(folder, 'scratch');
  await mkdir(scratch, {recursive: true});
  const user = userInfo().username;

  const logFile = join(folder, 'log');
  let started: {child: ChildProcess; port: number} | undefined;
  // The port is free when it is looked for; somebody else may be faster.
  for (let attempt = 0; started === undefined && attempt < 5; attempt += 1) {
    const port = await findFreePort();
    const configFile = join(folder, 'sshd_config');
    await writeFile(
      configFile,
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${hostKeyFile}`,
        `PidFile ${join(folder, 'pid')}`,
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        'StrictModes no',
        // Without PAM, an account with "!" in the shadow file is refused even with a key.
        `UsePAM ${isRoot ? 'yes' : 'no'}`,
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'LogLevel VERBOSE',
        ...(options.hasSftp === false ? [] : ['Subsystem sftp internal-sftp']),
        ...(options.configuration ?? []),
        '',
      ].join('\n'),
    );
    const child = spawn(SSHD, ['-D', '-f', configFile, '-E', logFile], {stdio: 'ignore'});
    if (await isListening(child, logFile)) started = {child, port};
  }
  if (started === undefined)
    throw new Error(`sshd did not start:\n${await readFile(logFile, 'utf8').catch(() => 'no log')}`);
  const {child, port} = started;

  const listener = child.pid ?? 0;
  const server: OpenSshServer = {
    host: '127.0.0.1',
    port,
    user,
    hostKeyFile,
    userKeyFile,
    knownHostsFile: join(folder, 'known_hosts'),
    scratch,
    listSessions: () => listDescendants(listener),
    stop: async () => {
      // Sessions are in process groups of their own and outlive the listener.
      const sessions = await listDescendants(listener);
      const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
      for (const pid of [listener, ...sessions]) signalProcess(pid, 'SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await ended;
      await rm(folder, {recursive: true, force: true});
    },
  };
  await writeFile(server.knownHostsFile, `${await knownHostsLine(server)}\n`);
  await chmod(server.knownHostsFile, 0o600);
  return server;
}

async function isListening(child: ChildProcess, logFile: string): Promise<boolean> {
  let hasEnded = false;
  child.once('exit', () => {
    hasEnded = true;
  });
  for (;;) {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    if (log.includes('Server listening on 127.0.0.1')) return true;
    if (hasEnded) return false;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}

/** Children, their children and so on. */
async function listDescendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = await readStat(Number(name));
    if (fields !== undefined) parents.set(Number(name), fields.parent);
  }
  const found: number[] = [];
  for (let generation = [pid]; generation.length > 0;) {
    generation = [...parents].filter(([, parent]) => generation.includes(parent)).map(([child]) => child);
    found.push(...generation);
  }
  return found;
}

async function readStat(pid: number): Promise<{state: string; parent: number} | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The program's name comes second, in brackets, and may hold anything.
  const [state = '', parent = '0'] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {state, parent: Number(parent)};
}

/** A process that still does something: one that has ended and is not yet collected does not count. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readStat(pid);
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';
}
