import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {probeHardware} from '../../src/device/probeHardware.ts';
import {catchExpected, describeCommands} from './commandSuite.ts';
import {isAlive} from './sshServers.ts';

describe('the machine we run on', () => {
  let home: string;
  let machine: Machine;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'edgewise-local-'));
    machine = await connectMachine(
      {name: 'here', address: 'local'},
      {acceptNewHostKeys: false, environment: {HOME: home}},
    );
  });
  afterAll(async () => {
    await machine.close();
    await rm(home, {recursive: true, force: true});
  });

  describeCommands(it, () => ({machine, scratch: home, folder: home}));

  it('starts commands and relative paths in the home folder, as sshd does', async () => {
    await machine.upload({bytes: Buffer.from('at home')}, 'note');
    expect(await readFile(join(home, 'note'), 'utf8')).toBe('at home');
    expect(Buffer.from(await machine.download('note')).toString()).toBe('at home');
    expect((await machine.run(['sh', '-c', 'cat note; echo " in $HOME"'])).stdout).toBe(
      `at home in ${home}\n`,
    );
  });

  it('uses its own ports for tunnels', async () => {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
    const {port} = server.address() as AddressInfo;
    const tunnel = await machine.openTunnel(port);
    expect(tunnel.localPort).toBe(port);
    await tunnel.close();
    expect(server.listening).toBe(true);
    await new Promise<void>(resolve => server.close(() => resolve()));
  });

  it('ends what runs when it is closed', async () => {
    const other = await connectMachine(
      {name: 'here', address: 'local'},
      {acceptNewHostKeys: false, environment: {HOME: home}},
    );
    const under = catchExpected(other.run(['sh', '-c', 'echo $$ >pid; exec sleep 300']));
    const pid = await vi.waitFor(
      async () => {
        const text = await readFile(join(home, 'pid'), 'utf8');
        expect(text).toMatch(/^\d+\n$/);
        return Number(text);
      },
      {timeout: 20_000},
    );
    await other.close();
    expect((await under).code).toBe('device-unreachable');
    await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false), {timeout: 20_000});
  });

  it('tells about itself what the kernel says', async () => {
    const hardware = await probeHardware(machine);
    expect(hardware.architecture).toBe(process.arch);
    expect(hardware.memoryBytes).toBeGreaterThan(64 * 1024 * 1024);
    expect(hardware.kernel).toContain((await machine.run(['uname', '-r'])).stdout.trim());
    expect(hardware.cores).toBe(Number((await machine.run(['nproc'])).stdout));
  });

  it('asks for a folder it may not enter once and says so', async () => {
    await writeFile(join(home, 'file'), '');
    const error = await catchExpected(machine.upload({bytes: Buffer.from('x')}, 'file/below'));
    expect(error).toMatchObject({code: 'upload-failed', exitCode: 12});
  });
});
