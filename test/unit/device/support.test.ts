import {describe, expect, it} from 'vitest';
import {checkSupported} from '../../../src/device/checkSupported.ts';
import {probeHardware} from '../../../src/device/probeHardware.ts';
import type {Hardware} from '../../../src/documents/profile.ts';
import {ExpectedError} from '../../../src/errors.ts';
import type {CommandResult, Machine} from '../../../src/device/machine.ts';

const pi: Hardware = {
  architecture: 'arm64',
  cpuModel: 'ARM Cortex-A72',
  cores: 4,
  cpuFeatures: ['asimd'],
  memoryBytes: 4e9,
  freeDiskBytes: 2e10,
  operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  kernel: 'Linux 6.6.51',
  libc: {name: 'glibc', version: '2.36'},
};

describe('checkSupported', () => {
  for (const [title, hardware] of [
    ['a Raspberry Pi 4 with Debian 12', pi],
    ['an x86 gateway', {...pi, architecture: 'x64'}],
    ['the oldest glibc that will do', {...pi, libc: {name: 'glibc', version: '2.28'}}],
    ['a glibc of the future', {...pi, libc: {name: 'glibc', version: '3.0'}}],
  ] as const) {
    it(`takes ${title}`, () => expect(() => checkSupported(hardware, 'pi-7')).not.toThrow());
  }

  for (const [title, hardware, code, says] of [
    ['armv7', {...pi, architecture: 'armv7'}, 'architecture-unsupported', 'armv7'],
    ['riscv64', {...pi, architecture: 'riscv64'}, 'architecture-unsupported', 'riscv64'],
    ['musl', {...pi, libc: {name: 'musl', version: '1.2.5'}}, 'libc-unsupported', 'musl 1.2.5'],
    ['an old glibc', {...pi, libc: {name: 'glibc', version: '2.27'}}, 'libc-unsupported', '2.27'],
    [
      'a glibc whose version only looks greater',
      {...pi, libc: {name: 'glibc', version: '2.4'}},
      'libc-unsupported',
      '2.4',
    ],
    [
      'a library that does not say what it is',
      {...pi, libc: {name: 'unknown', version: '0'}},
      'libc-unsupported',
      'unknown',
    ],
  ] as const) {
    it(`refuses ${title} and says what can still be done`, () => {
      let error: unknown;
      try {
        checkSupported(hardware, 'pi-7');
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(ExpectedError);
      expect(error).toMatchObject({code, exitCode: 13});
      expect((error as ExpectedError).message).toContain(says);
      expect((error as ExpectedError).message).toContain('pi-7 can still be planned as cloud-only');
    });
  }
});

/** A device that answers the one question it is asked. */
function deviceThatPrints(answer: (script: string, separator: string) => Partial<CommandResult>): Machine {
  const unused = () => Promise.reject(new Error('not asked for'));
  return {
    name: 'pi-7',
    address: 'pi@pi-7:22',
    run: async argv => ({
      argv,
      exitStatus: 0,
      signal: null,
      stdout: '',
      stderr: '',
      ...answer(argv[2] ?? '', argv[4] ?? ''),
    }),
    upload: unused,
    download: unused,
    openTunnel: unused,
    askForwarding: unused,
    close: async () => {},
  };
}

const ANSWERS: readonly (readonly [command: string, stdout: string])[] = [
  ['uname -m', 'aarch64\n'],
  ['getconf LONG_BIT', '64\n'],
  ['nproc', '4\n'],
  ['/proc/cpuinfo', 'processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\nFeatures\t: fp asimd\n'],
  ['/proc/meminfo', 'MemTotal:        3884420 kB\n'],
  [
    'df -Pk',
    'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/mmcblk0p2 30511120 5142544 24094116 18% /\n',
  ],
  ['/etc/os-release', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'],
  ['uname -sr', 'Linux 6.6.51\n'],
  ['GNU_LIBC_VERSION', 'glibc 2.36\n'],
  ['/proc/device-tree/model', ''],
  ['/etc/nv_tegra_release', ''],
  ['/proc/driver/nvidia/version', ''],
  ['libnvinfer.so', ''],
  ['trtexec', ''],
];

function boardPrinting(answers: readonly (readonly [string, string])[]): Machine {
  return deviceThatPrints((script, separator) => {
    // In the order in which the script asks.
    const ordered = [...answers]
      .filter(([command]) => script.includes(command))
      .sort(([a], [b]) => script.indexOf(a) - script.indexOf(b));
    return {stdout: ordered.map(([, stdout]) => `${stdout}\n${separator}\n`).join('')};
  });
}

const replaced = (command: string, stdout: string) =>
  ANSWERS.map(([known, answer]) => [known, known === command ? stdout : answer] as const);

describe('probeHardware', () => {
  it('puts the answers of one round trip together', async () => {
    expect(await probeHardware(boardPrinting(ANSWERS))).toEqual({
      architecture: 'arm64',
      cpuModel: 'ARM Cortex-A72',
      cores: 4,
      cpuFeatures: ['asimd', 'fp'],
      memoryBytes: 3884420 * 1024,
      freeDiskBytes: 24094116 * 1024,
      operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
      kernel: 'Linux 6.6.51',
      libc: {name: 'glibc', version: '2.36'},
    });
  });

  it('tells what an accelerator brings along, where there is one', async () => {
    const jetson = new Map([
      ['/proc/device-tree/model', 'NVIDIA Jetson Orin Nano\0nvidia,tegra234\0'],
      ['/etc/nv_tegra_release', '# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n'],
      [
        '/proc/driver/nvidia/version',
        'NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release\n',
      ],
      ['libnvinfer.so', '/usr/lib/aarch64-linux-gnu/libnvinfer.so.10.3.0\n'],
      ['trtexec', '/usr/src/tensorrt/bin/trtexec\n'],
    ]);
    const answers = ANSWERS.map(([command, stdout]) => [command, jetson.get(command) ?? stdout] as const);
    expect(await probeHardware(boardPrinting(answers))).toMatchObject({
      board: {model: 'NVIDIA Jetson Orin Nano', compatible: ['nvidia,tegra234']},
      linuxForTegra: '36.4.3',
      nvidiaDriver: '540.4.0',
      tensorrt: '10.3.0',
      tools: {trtexec: '/usr/src/tensorrt/bin/trtexec'},
    });
  });

  it('sees a 32-bit system on a 64-bit kernel for what it is', async () => {
    const hardware = await probeHardware(boardPrinting(replaced('getconf LONG_BIT', '32\n')));
    expect(hardware.architecture).toBe('armv7');
    expect(() => checkSupported(hardware, 'pi-7')).toThrow('armv7');
  });

  it('does without nproc and a processor file', async () => {
    expect(await probeHardware(boardPrinting(replaced('nproc', '')))).toMatchObject({
      cores: 1,
      cpuModel: 'ARM Cortex-A72',
    });
    expect(await probeHardware(boardPrinting(replaced('/proc/cpuinfo', '')))).toMatchObject({
      cores: 4,
      cpuModel: 'unknown',
    });
  });

  it('says what a machine does not tell', async () => {
    await expect(probeHardware(boardPrinting(replaced('/proc/meminfo', '')))).rejects.toMatchObject({
      code: 'probe-failed',
      message: expect.stringContaining('memory') as string,
    });
  });

  it('says why a login that runs nothing told nothing', async () => {
    const device = deviceThatPrints(() => ({
      exitStatus: 1,
      stdout: 'This account is currently not available.\n',
      stderr: 'nologin\n',
    }));
    await expect(probeHardware(device)).rejects.toMatchObject({
      code: 'probe-failed',
      exitCode: 12,
      message: expect.stringContaining('nologin') as string,
    });
  });
});
