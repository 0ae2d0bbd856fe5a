import {spawnSync} from 'node:child_process';
import {readdir, readlink} from 'node:fs/promises';
import {createServer, type AddressInfo, type Server} from 'node:net';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {startNamespaceDevice, whyNoNamespaceDevice, type NamespaceDevice} from './namespaceDevice.ts';
import {openPushedProject, type PushedProject} from './pushedProject.ts';
import {findFreePort} from './freePort.ts';

interface BadDevice {
  readonly what: string;
  /** See `spoil`. */
  readonly spoilt: string;
  /** Undoes of it what `restore` does not know. */
  readonly mended?: string;
  /** An error code, or how the push ends well in spite of it. */
  readonly expected: string;
  /** Programs that this case takes here. */
  readonly needs?: string;
  /** Push what serves already. */
  readonly pushesSame?: boolean;
  /** Of what is noted on the way. */
  readonly says?: RegExp;
}

const FRESH =
  'rm -rf "$BASE/fresh"; mkdir "$BASE/fresh"; chown 4242:4242 "$BASE/fresh"; login /bin/sh "$BASE/fresh"';
const remounted = (options: string): Pick<BadDevice, 'spoilt' | 'mended'> => ({
  spoilt: `mount --bind "$HOME_OF_PI" "$HOME_OF_PI"; mount -o remount,bind,${options} "$HOME_OF_PI"`,
  mended: 'umount -l "$HOME_OF_PI"',
});
const bash = (startUp: string): string =>
  `login /bin/bash; printf '%s\n' '${startUp}' >"$HOME_OF_PI/.bashrc"`;
const environment = (...lines: string[]): string =>
  `mkdir -p "$HOME_OF_PI/.ssh"; printf '%s\\n' ${lines.map(line => `"${line}"`).join(' ')} >"$HOME_OF_PI/.ssh/environment"`;
const replaced = (name: string, by: string): Pick<BadDevice, 'spoilt' | 'mended'> => ({
  spoilt: `cd "$HOME_OF_PI/.edgewise"; mv ${name} .aside; ${by} ${name}`,
  mended: `cd "$HOME_OF_PI/.edgewise"; rm -rf ${name}; mv .aside ${name}`,
});
/** Without a locale of its own fish makes something else of a home beyond ASCII. */
const withClock = (offset: string): string =>
  environment(
    'LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1)',
    `FAKETIME=${offset}`,
    'DONT_FAKE_MONOTONIC=1',
    'LC_ALL=C.UTF-8',
  );

const REFUSED: readonly BadDevice[] = [
  {
    what: 'a full disk',
    spoilt:
      'mount -o remount,size=$(($(df -k --output=used "$HOME_OF_PI" | tail -n 1) + 9000))k "$HOME_OF_PI"',
    mended: 'mount -o remount,size=600m "$HOME_OF_PI"',
    expected: 'disk-full',
  },
  {
    what: 'no room for the runtime, before the first push',
    spoilt: `${FRESH}; mount -t tmpfs -o size=100m,uid=4242 tmpfs "$BASE/fresh"`,
    mended: 'umount "$BASE/fresh"',
    expected: 'disk-full',
  },
  {
    what: 'no inodes left',
    spoilt:
      'mount -o remount,nr_inodes=$(($(df --output=iused "$HOME_OF_PI" | tail -n 1) + 40)) "$HOME_OF_PI"',
    mended: 'mount -o remount,nr_inodes=100k "$HOME_OF_PI"',
    expected: 'inodes-full',
  },
  {what: 'a root that is read-only', ...remounted('ro'), expected: 'device-read-only'},
  {what: 'a home from which no program starts', ...remounted('noexec'), expected: 'device-no-execute'},
  {
    what: 'a home that the user may not write, before the first push',
    spoilt: `${FRESH}; chown root "$BASE/fresh"`,
    expected: 'device-not-writable',
  },
  {
    what: 'a folder that is somebody else’s',
    spoilt: 'chown root "$HOME_OF_PI/.edgewise/blobs/sha256"',
    mended: 'chown 4242 "$HOME_OF_PI/.edgewise/blobs/sha256"',
    expected: 'device-not-writable',
  },
  {what: 'no home folder', spoilt: 'login /bin/sh /var/nowhere', expected: 'home-missing'},
  {
    what: 'nothing to check files with',
    spoilt: 'hide sha256sum shasum openssl',
    expected: 'device-tool-missing',
  },
  {what: 'no mkdir', spoilt: 'hide mkdir', expected: 'device-tool-missing'},
  {what: 'no awk', spoilt: 'hide awk', expected: 'device-tool-missing'},
  {
    what: 'no /proc',
    spoilt: 'mount -t tmpfs tmpfs /proc',
    mended: 'umount /proc',
    expected: 'device-proc-missing',
  },
  {
    what: 'a processor that the runtime does not exist for',
    spoilt: `fake uname '[ "$1" = -m ] && echo riscv64 || echo Linux'`,
    expected: 'architecture-unsupported',
  },
  {
    what: 'a 32-bit system on a 64-bit kernel',
    spoilt: `fake getconf '[ "$1" = LONG_BIT ] && echo 32 || echo glibc 2.36'`,
    expected: 'architecture-unsupported',
  },
  {
    what: 'an old C library',
    spoilt: `fake getconf '[ "$1" = LONG_BIT ] && echo 64 || echo glibc 2.24'`,
    expected: 'libc-unsupported',
  },
  {
    what: 'hardly any memory',
    spoilt: 'echo "MemAvailable: 40000 kB" >"$BASE/meminfo"; cover "$BASE/meminfo" /proc/meminfo',
    expected: 'memory-too-small',
  },
  {what: 'a limit on the size of files', spoilt: bash('ulimit -f 20000'), expected: 'device-limit-too-low'},
  {what: 'a limit on the address space', spoilt: bash('ulimit -v 500000'), expected: 'device-limit-too-low'},
  {what: 'a limit on open files', spoilt: bash('ulimit -n 40'), expected: 'device-limit-too-low'},
  {what: 'a file for the folder of blobs', ...replaced('blobs', 'echo x >'), expected: 'device-in-the-way'},
  {what: 'a file for the folder of locks', ...replaced('locks', 'echo x >'), expected: 'device-in-the-way'},
  {
    what: 'a folder for the link to the current release',
    ...replaced('current', 'mkdir'),
    expected: 'device-in-the-way',
  },
  {
    what: 'a file for edgewise’s own folder',
    spoilt: `${FRESH}; echo x >"$BASE/fresh/.edgewise"`,
    expected: 'device-in-the-way',
  },
  {
    what: 'a link to nowhere for edgewise’s own folder',
    spoilt: `${FRESH}; ln -s /nowhere "$BASE/fresh/.edgewise"`,
    expected: 'device-in-the-way',
  },
  {
    what: 'an account without a login shell',
    spoilt: 'login /usr/sbin/nologin',
    expected: 'login-shell-refused',
  },
  {what: 'a restricted shell', spoilt: 'login /bin/rbash', expected: 'login-shell-refused'},
  {what: 'a shell that is not installed', spoilt: 'login /bin/zsh-none', expected: 'authentication-refused'},
  {
    what: 'a command that is forced on the key',
    spoilt: `cp "$BASE/authorized_keys" "$BASE/keys"; sed -i 's/^/command="echo backups only" /' "$BASE/authorized_keys"`,
    mended: 'cp "$BASE/keys" "$BASE/authorized_keys"',
    expected: 'login-shell-refused',
  },
  {
    what: 'no forwarding of connections',
    spoilt: `cp "$BASE/authorized_keys" "$BASE/keys"; sed -i 's/^/no-port-forwarding /' "$BASE/authorized_keys"`,
    mended: 'cp "$BASE/keys" "$BASE/authorized_keys"',
    expected: 'forwarding-forbidden',
  },
  {
    what: 'forwarding to another port only',
    spoilt: `cp "$BASE/authorized_keys" "$BASE/keys"; sed -i 's/^/permitopen="127.0.0.1:1" /' "$BASE/authorized_keys"`,
    mended: 'cp "$BASE/keys" "$BASE/authorized_keys"',
    expected: 'forwarding-forbidden',
  },
];

const TAKEN: readonly BadDevice[] = [
  {
    what: 'no sudo, no tar, no zstd and no SFTP server',
    spoilt:
      'for tool in sudo tar zstd; do ! command -v $tool >/dev/null || hide $tool; done; rm "$BASE/sftp-server"',
    mended: 'ln -s /usr/lib/openssh/sftp-server "$BASE/sftp-server"',
    expected: 'activated',
  },
  {
    what: 'start-up files that talk, and a umask of 077',
    spoilt: bash('echo Welcome; echo 3 updates >&2; head -c 200000 /dev/urandom; umask 077'),
    expected: 'activated',
  },
  {
    what: 'busybox for a shell and for tools',
    needs: 'busybox',
    spoilt: `mkdir -p "$BASE/busybox"; busybox --install -s "$BASE/busybox"; ${environment('PATH=$BASE/busybox')}; cover "$(whole_path busybox)" "$(whole_path sh)"`,
    expected: 'activated',
  },
  {
    what: 'csh for a login shell, and a clock ten years ahead',
    needs: 'tcsh faketime',
    spoilt: `login /bin/tcsh; ${withClock('+3650d')}`,
    expected: 'activated',
    says: /clock is 36\d\d days ahead/,
  },
  {
    what: 'fish for a login shell, and a clock ten years behind',
    needs: 'fish faketime',
    spoilt: `login /usr/bin/fish; ${withClock('-3650d')}`,
    expected: 'activated',
    says: /clock is 36\d\d days behind/,
  },
  {
    what: 'a disk that takes its time, and no /tmp that can be used',
    spoilt: `fake sync 'sleep 0.2'; fake mv "sleep 0.1; exec $BASE/real/mv \\"\\$@\\""; mount -t tmpfs -o ro,mode=0 tmpfs /tmp`,
    mended: 'umount /tmp',
    expected: 'activated',
  },
  {
    what: 'a current release whose folder was removed by hand',
    spoilt: 'rm -r "$(readlink -f "$HOME_OF_PI/.edgewise/current")"',
    pushesSame: true,
    expected: 'activated',
  },
  {
    what: 'a link to nowhere for the current release',
    spoilt: 'cd "$HOME_OF_PI/.edgewise"; rm current; ln -s releases/0123456789abcdef current',
    expected: 'activated',
  },
];

function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}

const reason = whyNoNamespaceDevice();
const title = reason === null ? 'a bad device' : `a bad device (left out: ${reason})`;

describe.skipIf(reason !== null)(title, () => {
  let device: NamespaceDevice;
  let project: PushedProject;
  let endpointPort: number;

  const currentRelease = (): Promise<string> => readlink(join(device.seenHome, '.edgewise/current'));
  const isReady = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${endpointPort}/v2/health/ready`)).ok;
  /** What a push may leave behind while it is under way. */
  const leftovers = async (): Promise<string[]> => {
    const names = await readdir(join(device.seenHome, '.edgewise'), {recursive: true});
    return names.filter(name => /\.partial$|\.new$|locks\/\.|pending\.json|deploying/.test(name));
  };

  beforeAll(async () => {
    device = await startNamespaceDevice(600);
    endpointPort = await findFreePort();
    project = await openPushedProject({...device, endpointPort});
    expect((await project.pushNext()).outcome).toBe('activated');
  });
  afterEach(() => device.restore());
  afterAll(async () => {
    await device.stop();
    await project.remove();
  });

  const withSpoilt = async <T>({spoilt, mended}: Partial<BadDevice>, work: () => Promise<T>): Promise<T> => {
    if (spoilt !== undefined) await device.spoil(spoilt);
    try {
      return await work();
    } finally {
      if (mended !== undefined) await device.spoil(mended);
    }
  };
  const refusalOf = async (): Promise<ExpectedError> => {
    const failure: unknown = await project.pushNext().then(
      ({outcome}) => new Error(`it was ${outcome}`),
      (error: unknown) => error,
    );
    if (!(failure instanceof ExpectedError)) throw failure;
    return failure;
  };
  const expectRefusal = async (bad: Partial<BadDevice>): Promise<void> => {
    const before = await currentRelease();
    const refusal = await withSpoilt(bad, refusalOf);
    expect(refusal.code, refusal.message).toBe(bad.expected);
    expect(refusal.hints.length).toBeGreaterThan(0);
    expect(await currentRelease()).toBe(before);
    expect(await isReady()).toBe(true);
    expect(await leftovers()).toEqual([]);
  };

  describe('is refused before anything is changed: with', () => {
    for (const bad of REFUSED) it(bad.what, () => expectRefusal(bad));

    it('another program on the port of the endpoint', async () => {
      const other: Server = createServer(() => {});
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
      try {
        await project.moveDevice({...device, endpointPort: (other.address() as AddressInfo).port});
        await expectRefusal({expected: 'port-in-use'});
      } finally {
        other.close();
        await project.moveDevice({...device, endpointPort});
      }
    });
  });

  describe('takes a release all the same: with', () => {
    for (const bad of TAKEN)
      it(bad.what, async context => {
        const lacking = (bad.needs?.split(' ') ?? []).filter(program => !isInstalled(program));
        if (lacking.length > 0) return context.skip(`${lacking.join(' and ')} not installed here`);
        const result = await withSpoilt(bad, () => project.pushNext({isSame: bad.pushesSame === true}));
        if (bad.says !== undefined) expect(project.notes().join('\n')).toMatch(bad.says);
        expect(result.outcome).toBe(bad.expected);
        expect(await currentRelease()).toBe(`releases/${result.release}`);
        expect(await isReady()).toBe(true);
        expect(await leftovers()).toEqual([]);
      });
  });
});
