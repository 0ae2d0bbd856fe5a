import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, readdir, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {catchExpected} from './commandSuite.ts';
import {hermetic, targetOf} from './machineSuite.ts';
import {
  isOpenSshInstalled,
  signalProcess,
  startOpenSshServer,
  type OpenSshOptions,
  type OpenSshServer,
} from './sshServers.ts';

const execFileAsync = promisify(execFile);
const isInstalled = isOpenSshInstalled() || process.env.EDGEWISE_REQUIRE_OPENSSH === '1';
if (!isInstalled) console.warn('failures of OpenSSH: left out, sshd is not installed here');

describe.skipIf(!isInstalled)('failures of a device', () => {
  let folder: string;
  const servers: OpenSshServer[] = [];
  const machines: Machine[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-failures-'));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map(server => server.stop()));
    await Promise.all(machines.splice(0).map(machine => machine.close()));
  });
  afterAll(async () => {
    await rm(folder, {recursive: true, force: true});
  });

  const connectTo = async (
    options: OpenSshOptions = {},
  ): Promise<{server: OpenSshServer; machine: Machine}> => {
    const server = await startOpenSshServer(options);
    if (server === null) throw new Error('sshd is gone');
    servers.push(server);
    const configFile = join(folder, 'impatient');
    await writeFile(configFile, 'Host *\n  ServerAliveInterval 1\n');
    const machine = await connectMachine(targetOf(server), hermetic(server, folder, {configFile}));
    machines.push(machine);
    return {server, machine};
  };

  it('notices that a device froze, while a command runs and while a file is sent', async () => {
    const {server, machine} = await connectTo();
    const note = join(server.scratch, 'started');
    const command = catchExpected(
      machine.run(['sh', '-c', `echo >${note}; exec sleep 300`], {timeoutMs: 300_000}),
    );
    await vi.waitFor(async () => expect((await stat(note)).size).toBe(1), {timeout: 20_000});
    const sessions = await server.listSessions();
    expect(sessions.length).toBeGreaterThan(0);
    let frozenAt: number | undefined;
    const upload = machine.upload(
      {bytes: Buffer.alloc(200 * 1024 * 1024)},
      join(server.scratch, 'frozen.partial'),
      {
        onProgress: () => {
          if (frozenAt !== undefined) return;
          frozenAt = performance.now();
          for (const pid of sessions) signalProcess(pid, 'SIGSTOP');
        },
      },
    );
    expect((await catchExpected(upload)).code).toBe('device-unreachable');
    expect((await command).code).toBe('device-unreachable');
    // Three unanswered questions, a second apart: long before either time limit of five minutes.
    expect(performance.now() - (frozenAt ?? 0)).toBeLessThan(60_000);
    for (const pid of sessions) signalProcess(pid, 'SIGCONT');
  });

  it('says that the connection was lost while a file was sent', async () => {
    const {server, machine} = await connectTo();
    // Looked up before, so that the first progress ends them at once, long before the last.
    const sessions = await server.listSessions();
    expect(sessions.length).toBeGreaterThan(0);
    const path = join(server.scratch, 'lost.partial');
    const error = await catchExpected(
      machine.upload({bytes: Buffer.alloc(128 * 1024 * 1024)}, path, {
        onProgress: () => {
          for (const pid of sessions.splice(0)) signalProcess(pid, 'SIGKILL');
        },
      }),
    );
    expect(error).toMatchObject({code: 'device-unreachable', exitCode: 11});
    expect(error.message).toContain('pi-7');
    // What arrived has the name that was given for it, and nothing has another one.
    expect((await readdir(server.scratch)).filter(name => name !== 'lost.partial')).toEqual([]);
  });

  it('gives up an upload whose time is up and removes what it wrote', async () => {
    const {server, machine} = await connectTo();
    const path = join(server.scratch, 'late.partial');
    const error = await catchExpected(
      machine.upload({bytes: Buffer.alloc(256 * 1024 * 1024)}, path, {timeoutMs: 300}),
    );
    expect(error).toMatchObject({code: 'upload-failed', exitCode: 12});
    await expect(stat(path)).rejects.toMatchObject({code: 'ENOENT'});
    expect(await machine.run(['echo', 'still there'])).toMatchObject({stdout: 'still there\n'});
  });

  it('recognises a full disk, tells how much is free, and leaves nothing there', async context => {
    const disk = join(folder, 'disk');
    await mkdir(disk, {recursive: true});
    const isMounted = await execFileAsync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', disk]).then(
      () => true,
      () => false,
    );
    if (!isMounted) {
      console.warn('full disk: left out, mounting a small file system takes root');
      context.skip();
    }
    try {
      const {machine} = await connectTo({scratch: disk});
      for (const sizeBytes of [9 * 1024 * 1024, 40 * 1024 * 1024]) {
        const path = join(disk, 'big.partial');
        const error = await catchExpected(machine.upload({bytes: Buffer.alloc(sizeBytes, 1)}, path));
        expect(error).toMatchObject({code: 'disk-full', exitCode: 12});
        expect(error.message).toContain(`${sizeBytes} bytes`);
        expect(error.message).toContain(`${8 * 1024 * 1024} bytes`);
        expect(await readdir(disk)).toEqual([]);
      }
      await machine.upload({bytes: Buffer.alloc(7 * 1024 * 1024, 1)}, join(disk, 'fits'));
      expect((await stat(join(disk, 'fits'))).size).toBe(7 * 1024 * 1024);
      const local = await connectMachine(
        {name: 'here', address: 'local'},
        {acceptNewHostKeys: false, environment: {HOME: disk}},
      );
      expect(
        (await catchExpected(local.upload({bytes: Buffer.alloc(4 * 1024 * 1024)}, 'more.partial'))).code,
      ).toBe('disk-full');
      expect(await readdir(disk)).toEqual(['fits']);
    } finally {
      await Promise.all(machines.splice(0).map(machine => machine.close()));
      await execFileAsync('umount', ['-l', disk]);
    }
  });

  it('says what is missing where there is no SFTP server', async () => {
    const {server, machine} = await connectTo({hasSftp: false});
    const error = await catchExpected(machine.upload({bytes: Buffer.from('x')}, join(server.scratch, 'x')));
    expect(error.code).toBe('sftp-missing');
    expect(await machine.run(['echo', 'still there'])).toMatchObject({stdout: 'still there\n'});
  });

  it('waits for a session where a device allows only a few', async () => {
    const {machine} = await connectTo({configuration: ['MaxSessions 2']});
    const results = await Promise.all(
      Array.from({length: 6}, (_, index) => machine.run(['echo', String(index)])),
    );
    expect(results.map(({stdout}) => stdout.trim())).toEqual(['0', '1', '2', '3', '4', '5']);
  });
});
