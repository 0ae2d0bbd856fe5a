import {execFile, spawn, spawnSync} from 'node:child_process';
import {chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {findFreePort} from './freePort.ts';
import {isOpenSshInstalled, makeKey} from './sshServers.ts';

const run = promisify(execFile);
const BOOT = fileURLToPath(new URL('systemdRoot.sh', import.meta.url));
const NAMESPACES = ['--fork', '--pid', '--mount', '--uts', '--mount-proc', '--cgroup', '--kill-child'];
const SYSTEMD = '/lib/systemd/systemd';

/** Who logs in: root, or a user whose own systemd lingers. */
export type Account = 'root' | 'pi';
const USER_ID = '1000';

/** A machine in namespaces of its own: a real systemd is its init, a real sshd its door, its homes are folders here. */
export interface SystemdDevice {
  /** Of the account. */
  readonly home: string;
  readonly port: number;
  withMachine<T>(work: (machine: Machine) => Promise<T>): Promise<T>;
  /** On the device, as root. @returns what it printed, whatever its exit status */
  control(...argv: string[]): Promise<string>;
  /** `systemctl` of the account. */
  systemctl(...args: string[]): Promise<string>;
  /** Power off and on again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Why a systemd cannot be started here; `null` where it can. */
export function whyNoSystemd(): string | null {
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync(SYSTEMD) || !isOpenSshInstalled()) return 'no systemd or no sshd installed';
  const tried = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', 'mount -t cgroup2 cgroup2 /sys/fs/cgroup']);
  return tried.status === 0 ? null : 'no namespaces';
}

export async function startSystemdDevice(folder: string, account: Account = 'root'): Promise<SystemdDevice> {
  const homes = {root: join(folder, 'home'), pi: join(folder, 'pi')};
  const keys = join(homes.root, '.sshd');
  await mkdir(keys, {recursive: true});
  await mkdir(homes.pi);
  // sshd reads the keys as the one who logs in.
  await chmod(homes.root, 0o755);
  await makeKey(join(keys, 'host_key'));
  await makeKey(join(folder, 'user_key'));
  await copyFile(join(folder, 'user_key.pub'), join(keys, 'authorized_keys'));
  const sshPort = await findFreePort();
  await writeFile(
    join(keys, 'config'),
    [
      `Port ${sshPort}`,
      'ListenAddress 127.0.0.1',
      'HostKey /root/.sshd/host_key',
      'AuthorizedKeysFile /root/.sshd/authorized_keys',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'Subsystem sftp internal-sftp',
      '',
    ].join('\n'),
  );
  let init = await boot(folder, homes, account);
  const enter = (argv: readonly string[]) =>
    run('nsenter', ['-t', String(init), '-m', '-p', '-r', '-w', '--', ...argv]);
  const powerOff = async (): Promise<void> => {
    // systemd ignores SIGTERM; whatever it has started ends with it.
    process.kill(init, 'SIGKILL');
    while (existsSync(`/proc/${init}`)) await sleep(10);
  };
  const control = async (...argv: string[]): Promise<string> =>
    (await enter(argv).catch((error: {stdout: string}) => ({stdout: error.stdout}))).stdout.trim();
  return {
    home: homes[account],
    port: await findFreePort(),
    async withMachine(work) {
      const machine = await connectMachine(
        {
          name: 'pi-7',
          address: '127.0.0.1',
          port: sshPort,
          user: account,
          identityFile: join(folder, 'user_key'),
        },
        {
          acceptNewHostKeys: true,
          knownHostsFile: join(folder, 'known_hosts'),
          environment: {PATH: process.env['PATH'] ?? '', HOME: folder},
        },
      );
      try {
        return await work(machine);
      } finally {
        await machine.close();
      }
    },
    control,
    systemctl: (...args) =>
      account === 'root'
        ? control('systemctl', ...args)
        : control(
            ...['setpriv', `--reuid=${USER_ID}`, `--regid=${USER_ID}`, '--clear-groups'],
            ...['env', `XDG_RUNTIME_DIR=/run/user/${USER_ID}`, 'systemctl', '--user', ...args],
          ),
    async restart() {
      const units = join(homes.root, '.units');
      await mkdir(units, {recursive: true});
      // What is enabled starts again.
      await enter([
        'sh',
        '-c',
        'for unit in /etc/systemd/system/multi-user.target.wants/*; do [ ! -e "$unit" ] || cp "$unit" /root/.units/; done',
      ]);
      await powerOff();
      init = await boot(folder, homes, account);
    },
    async stop() {
      await powerOff();
      await rm(folder, {recursive: true, force: true, maxRetries: 5});
    },
  };
}

/** @returns the pid of systemd, once its sshd listens */
async function boot(
  folder: string,
  {root: home, pi}: Readonly<Record<Account, string>>,
  account: Account,
): Promise<number> {
  const root = await mkdtemp(join(folder, 'root-'));
  await rm(join(home, '.sshd/log'), {force: true});
  const child = spawn('unshare', [...NAMESPACES, 'sh', BOOT, root, home, ...(account === 'pi' ? [pi] : [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the machine ended: ${said}`);
    const log = await readFile(join(home, '.sshd/log'), 'utf8').catch(() => '');
    if (log.includes('Server listening')) break;
    await sleep(20);
  }
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}
