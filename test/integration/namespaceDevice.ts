import {execFile, execFileSync, spawn} from 'node:child_process';
import {chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {processesOf} from './deployDevice.ts';
import {findFreePort} from './freePort.ts';
import {isOpenSshInstalled, knownHostsLine, makeKey} from './sshServers.ts';

const run = promisify(execFile);
const USER = 'pi';
const USER_ID = 4242;

/**
 * A device that may be spoilt as one likes: a real sshd with mounts of its own, so that file systems, tools and accounts
 * are the device's and nobody else's, and a user without any rights, whose home lies on a small file system.
 */
export interface NamespaceDevice {
  readonly port: number;
  readonly user: string;
  readonly userKeyFile: string;
  readonly knownHostsFile: string;
  /** With spaces and beyond ASCII. */
  readonly home: string;
  /** The home as this process sees it. */
  readonly seenHome: string;
  /**
   * Runs a script as root among the device's mounts, with $HOME_OF_PI, $BASE (a scratch folder) and these functions:
   * `hide TOOL…` takes tools away, `fake TOOL SCRIPT` puts a script in a tool's place (the tool itself is $BASE/real/TOOL),
   * `login SHELL [HOME]` changes the account.
   */
  spoil(script: string): Promise<void>;
  /** Undoes `hide`, `fake` and `login`. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

const FUNCTIONS = String.raw`
whole_path() { readlink -f "$(command -v "$1")"; }
cover() { mount --bind "$1" "$2"; echo "$2" >>"$BASE/hidden"; }
hide() { for tool; do cover /dev/null "$(whole_path "$tool")"; done; }
fake() {
  path=$(whole_path "$1")
  cp "$path" "$BASE/real/$1"
  printf '#!/bin/sh\n%s\n' "$2" >"$BASE/fakes/$1"
  chmod 755 "$BASE/fakes/$1"
  cover "$BASE/fakes/$1" "$path"
}
login() {
  printf '%s\n' "${USER}:*:${USER_ID}:${USER_ID}::${'$'}{2:-$HOME_OF_PI}:$1" >"$BASE/account"
  cat "$BASE/others" "$BASE/account" >"$BASE/passwd"
}
`;

/** Why there can be none here; `null` when there can. */
export function whyNoNamespaceDevice(): string | null {
  if (!isOpenSshInstalled()) return 'sshd is not installed';
  if (process.getuid?.() !== 0) return 'mounts of their own take root';
  try {
    execFileSync(
      'unshare',
      ['--mount', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'],
      {
        stdio: 'ignore',
      },
    );
    return null;
  } catch {
    return 'no mounts can be made here';
  }
}

export async function startNamespaceDevice(sizeMegabytes: number): Promise<NamespaceDevice> {
  // Not below /tmp, which is taken away from the device in one of the cases.
  const base = await mkdtemp('/var/tmp/edgewise-device-');
  await chmod(base, 0o755);
  const home = join(base, 'Küche 1 🍓');
  for (const folder of [home, join(base, 'real'), join(base, 'fakes')]) await mkdir(folder);
  await mkdir('/run/sshd', {recursive: true, mode: 0o755});
  const hostKeyFile = await makeKey(join(base, 'host_key'));
  const userKeyFile = await makeKey(join(base, 'user_key'));
  await copyFile(`${userKeyFile}.pub`, join(base, 'authorized_keys'));
  await chmod(join(base, 'authorized_keys'), 0o644);
  await symlink('/usr/lib/openssh/sftp-server', join(base, 'sftp-server'));
  const others = await readFile('/etc/passwd', 'utf8');
  const passwd = join(base, 'passwd');
  await writeFile(passwd, `${others}${USER}:*:${USER_ID}:${USER_ID}::${home}:/bin/sh\n`);

  const port = await findFreePort();
  const configFile = join(base, 'sshd_config');
  const logFile = join(base, 'log');
  await writeFile(join(base, 'banner'), '*** Küche: authorised personnel only ***\n');
  await writeFile(
    configFile,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKeyFile}`,
      `PidFile ${join(base, 'pid')}`,
      `AuthorizedKeysFile ${join(base, 'authorized_keys')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitUserEnvironment yes',
      `Banner ${join(base, 'banner')}`,
      `Subsystem sftp ${join(base, 'sftp-server')}`,
      '',
    ].join('\n'),
  );
  const mounts = [
    `mount --bind '${passwd}' /etc/passwd`,
    `mount -t tmpfs -o size=${sizeMegabytes}m,mode=755,uid=${USER_ID},gid=${USER_ID} tmpfs '${home}'`,
    `exec /usr/sbin/sshd -D -f '${configFile}' -E '${logFile}'`,
  ];
  const sshd = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', mounts.join('\n')], {
    stdio: 'ignore',
  });
  const pid = sshd.pid ?? 0;
  for (;;) {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    if (log.includes('Server listening on 127.0.0.1')) break;
    if (sshd.exitCode !== null) throw new Error(`sshd did not start: ${log}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  const knownHostsFile = join(base, 'known_hosts');
  await writeFile(knownHostsFile, `${await knownHostsLine({host: '127.0.0.1', port, hostKeyFile})}\n`);

  await writeFile(join(base, 'others'), others);
  await writeFile(join(base, 'hidden'), '');
  const inside = async (script: string): Promise<void> => {
    await run('nsenter', ['--target', String(pid), '--mount', 'sh', '-ec', FUNCTIONS + script], {
      env: {PATH: process.env['PATH'] ?? '', HOME_OF_PI: home, BASE: base},
    });
  };
  const seenHome = `/proc/${pid}/root${home}`;
  return {
    port,
    user: USER,
    userKeyFile,
    knownHostsFile,
    home,
    seenHome,
    spoil: inside,
    restore: () =>
      inside(
        'while read -r path; do umount -l "$path"; done <"$BASE/hidden"; : >"$BASE/hidden"\n' +
          'rm -f "$HOME_OF_PI/.ssh/environment" "$HOME_OF_PI/.bashrc"; login /bin/sh',
      ),
    async stop() {
      for (const each of [...(await processesOf(join(home, '.edgewise'))), pid]) {
        try {
          process.kill(each, 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }
      await new Promise<void>(resolve => {
        if (sshd.exitCode !== null || sshd.signalCode !== null) resolve();
        else sshd.once('exit', () => resolve());
      });
      // The mounts go with the last process among them.
      await rm(base, {recursive: true, force: true, maxRetries: 10});
    },
  };
}
