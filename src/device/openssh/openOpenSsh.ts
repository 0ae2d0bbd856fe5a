import {randomBytes} from 'node:crypto';
import {appendFile, mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ConnectOptions, MachineTarget} from '../connectOptions.ts';
import {unreachableError} from '../deviceErrors.ts';
import {explainOpenSshFailure, isPassingFailure} from './explainOpenSshFailure.ts';
import {OpenSshConnection, type Master} from './openSshConnection.ts';
import {prepareSsh} from './startSsh.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 3;
const KEPT_WORDS = 64 * 1024;
/** The path of a socket has at most 108 characters on Linux, and ssh adds 17 of its own while it makes one. */
const LONGEST_FOLDER = 60;

/** What `ssh -G` says that it would do. */
interface Effective {
  readonly user: string;
  readonly hostName: string;
  readonly port: string;
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Connects with this machine's own ssh, which alone reads its configuration, checks the host's key and proves who we are.
 * @throws ExpectedError `openssh-missing`, `device-unreachable`, `host-key-*`, `authentication-refused`,
 * `ssh-algorithms-unsupported`, `ssh-config-invalid`
 */
export async function openOpenSsh(
  target: MachineTarget,
  options: ConnectOptions,
): Promise<{connection: OpenSshConnection; address: string}> {
  const environment = environmentOf(options);
  const args = argumentsFor(target, options);
  const effective = await askEffective(target, args, environment);
  const address = `${effective.user}@${effective.hostName}:${effective.port}`;
  const where = `${target.name} (${address})`;
  const configuredMs = Number(effective.values.get('connecttimeout') ?? 0) * 1000;
  const timeoutMs = options.connectTimeoutMs ?? (configuredMs || DEFAULT_CONNECT_TIMEOUT_MS);
  const isNewKeyTaken =
    options.acceptNewHostKeys || effective.values.get('stricthostkeychecking') === 'accept-new';
  const connect = (): Promise<Master> =>
    connectInTime(target, [...args, ...hostKeyArguments(isNewKeyTaken)], {
      where,
      effective,
      environment,
      timeoutMs,
      mayAsk: options.promptPassphrase !== undefined,
    });
  // ssh adds a key to the file without looking whether another process just did.
  const master = await (isNewKeyTaken
    ? oneAfterTheOther(async () => {
        await endLastLine(filesOf(effective)[0]);
        return connect();
      })
    : connect());
  return {connection: new OpenSshConnection(where, master), address};
}

/** ssh would write the new key behind a last line that has no end. */
async function endLastLine(file: string | undefined): Promise<void> {
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  if (file !== undefined && text !== '' && !text.endsWith('\n')) await appendFile(file, '\n');
}

let lastInLine: Promise<unknown> = Promise.resolve();

function oneAfterTheOther<T>(work: () => Promise<T>): Promise<T> {
  const result = lastInLine.then(work, work);
  lastInLine = result.catch(() => {});
  return result;
}

function environmentOf({environment}: ConnectOptions): Record<string, string> {
  const own = {PATH: process.env['PATH'], ...environment};
  return Object.fromEntries(
    Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function argumentsFor(target: MachineTarget, options: ConnectOptions): string[] {
  const {user, port, identityFile} = target;
  const home = options.environment['HOME'];
  const expanded =
    identityFile?.startsWith('~/') === true && home !== undefined
      ? join(home, identityFile.slice(2))
      : identityFile;
  return [
    ...(options.configFile === undefined ? [] : ['-F', options.configFile]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(expanded === undefined ? [] : ['-i', expanded.replaceAll('%', '%%')]),
    ...(options.knownHostsFile === undefined
      ? []
      : ['-o', `UserKnownHostsFile="${options.knownHostsFile.replaceAll('%', '%%')}"`]),
  ];
}

function hostKeyArguments(isNewKeyTaken: boolean): string[] {
  return ['-o', `StrictHostKeyChecking=${isNewKeyTaken ? 'accept-new' : 'yes'}`, '-o', 'UpdateHostKeys=no'];
}

async function askEffective(
  target: MachineTarget,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<Effective> {
  const {execa} = await import('execa');
  const {exitCode, stdout, stderr, code} = await execa('ssh', ['-G', ...args, '--', target.address], {
    env: environment,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  if (code === 'ENOENT') {
    throw new ExpectedError(
      'openssh-missing',
      `${target.name} is to be reached by openssh, and there is no ssh on this machine's PATH.`,
      EXIT.commandFailed,
      {hints: ['apt install openssh-client', 'edgewise doctor --ssh-transport ssh2']},
    );
  }
  if (exitCode !== 0) {
    throw new ExpectedError(
      'ssh-config-invalid',
      `${target.name}: ssh does not take its configuration: ${stderr.trim()}.`,
      EXIT.invalidDocument,
      {hints: [`ssh -G ${target.address}`]},
    );
  }
  const values = new Map(
    stdout.split('\n').map(line => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)] as const;
    }),
  );
  return {
    user: values.get('user') ?? '',
    hostName: values.get('hostname') ?? target.address,
    port: values.get('port') ?? '22',
    values,
  };
}

interface MasterSettings {
  readonly where: string;
  readonly effective: Effective;
  readonly environment: Record<string, string>;
  readonly timeoutMs: number;
  /** A passphrase may be asked for on the terminal, by ssh itself. */
  readonly mayAsk: boolean;
}

async function connectInTime(
  target: MachineTarget,
  args: readonly string[],
  settings: MasterSettings,
): Promise<Master> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    const leftMs = settings.timeoutMs - (performance.now() - startedAt);
    const result = await startMaster(target, args, settings, Math.max(1, leftMs));
    if ('process' in result) return result;
    const pauseMs = 150 * 2 ** attempt * (0.5 + Math.random());
    const isOutOfTime = performance.now() - startedAt + pauseMs > settings.timeoutMs;
    if (result.isLate || !isPassingFailure(result.said) || attempt >= MAX_ATTEMPTS || isOutOfTime) {
      if (result.isLate) {
        const seconds = Math.round(settings.timeoutMs / 1000);
        throw unreachableError(settings.where, `did not finish the login within ${seconds} s`);
      }
      throw await explainOpenSshFailure(result.said, {
        where: settings.where,
        user: settings.effective.user,
        knownHostsFiles: filesOf(settings.effective),
      });
    }
    await sleep(pauseMs);
  }
}

/**
 * The master runs one session of its own, `cat` on our pipe: its echo says that the login is over, and when this
 * process dies in whatever way, the pipe ends and the connection with it.
 */
async function startMaster(
  target: MachineTarget,
  args: readonly string[],
  {environment, mayAsk}: MasterSettings,
  timeoutMs: number,
): Promise<Master | {readonly isLate: boolean; readonly said: string}> {
  const parent = tmpdir().length > LONGEST_FOLDER ? '/tmp' : tmpdir();
  const folder = await mkdtemp(join(parent, 'edgewise-ssh-'));
  const socket = join(folder, 'm');
  const startSsh = await prepareSsh(environment);
  const child = startSsh([
    ...['-v', '-T', '-M', '-S', socket.replaceAll('%', '%%')],
    ...['-o', 'ControlPersist=no', '-o', `BatchMode=${mayAsk ? 'no' : 'yes'}`],
    ...['-o', 'PasswordAuthentication=no', '-o', 'KbdInteractiveAuthentication=no'],
    ...['-o', 'ServerAliveInterval=3', '-o', 'ServerAliveCountMax=3', '-o', 'TCPKeepAlive=yes'],
    ...['-o', 'ClearAllForwardings=yes', '-o', 'ForwardAgent=no', '-o', 'ForwardX11=no'],
    ...['-o', 'PermitLocalCommand=no', '-o', 'RemoteCommand=none', '-o', 'SessionType=default'],
    ...args,
    ...['--', target.address, 'exec cat'],
  ]);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-KEPT_WORDS)));
  const echo = `edgewise-${randomBytes(8).toString('hex')}`;
  child.stdin.write(`${echo}\n`);
  const outcome = await new Promise<'ready' | 'ended' | 'late'>(resolve => {
    // Whoever types a passphrase takes longer than any deadline.
    const timer = mayAsk ? undefined : setTimeout(() => resolve('late'), timeoutMs);
    let heard = '';
    child.stdout.on('data', (chunk: Buffer) => {
      heard = (heard + chunk.toString('utf8')).slice(-KEPT_WORDS);
      if (!heard.includes(echo)) return;
      clearTimeout(timer);
      resolve('ready');
    });
    void child.ended.then(() => {
      clearTimeout(timer);
      resolve('ended');
    });
  });
  if (outcome === 'ready') {
    said = '';
    return {
      process: child,
      socket,
      startSsh,
      destination: target.address,
      lastWords: () => plainWords(said),
    };
  }
  child.kill('SIGKILL');
  await rm(folder, {recursive: true, force: true});
  return {isLate: outcome === 'late', said};
}

function filesOf({values}: Effective): string[] {
  const listed = [values.get('userknownhostsfile') ?? '', values.get('globalknownhostsfile') ?? ''];
  return listed.flatMap(text => text.split(' ')).filter(path => path !== '' && path !== 'none');
}

/** Without what ssh says of its own working. */
function plainWords(said: string): string {
  const lines = said.split(/\r?\n/).filter(line => line !== '' && !line.startsWith('debug'));
  return lines.at(-1) ?? '';
}
