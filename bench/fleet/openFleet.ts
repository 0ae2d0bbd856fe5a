import {fork, spawn, type ChildProcess} from 'node:child_process';
import {appendFile, copyFile, readFile, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {cpus, userInfo} from 'node:os';
import {hexOfDigest} from '../../src/workspace/digest.ts';
import {makeDevice, openWorkshop, type TestDevice} from '../../test/integration/deployDevice.ts';
import {
  makeKey,
  publicKeyOf,
  startOpenSshServer,
  type OpenSshServer,
} from '../../test/integration/sshServers.ts';
import {compileAsShipped} from './compileAsShipped.ts';
import type {FleetMember, FleetResult} from './controller.ts';
import type {EmulatorOrder} from './emulator.ts';

/** What sshd writes into its log when it refuses a session or a connection. */
const REFUSALS = /no more sessions|MaxStartups|drop connection|refused connect/g;

/** Controller and devices share this machine: what is the whole's, and what of it the emulated devices'. */
export interface SharedLoad {
  readonly machineCpuSeconds: number;
  readonly emulatorCpuSeconds: number;
}

export interface BenchFleet {
  readonly folder: string;
  /** The real sshd, each with a device's home of its own. */
  readonly servers: readonly {readonly server: OpenSshServer; readonly device: TestDevice}[];
  rollOut(order: {
    constant: number;
    weights: Uint8Array;
    maxParallel: number;
  }): Promise<FleetResult & SharedLoad>;
  /** By emulated and real devices, since the fleet was opened. */
  countRefused(): Promise<number>;
  close(): Promise<void>;
}

/** Emulated devices in one process, and real sshd as they come, before real devices that have the runtime already. */
export async function openFleet({emulated, real}: {emulated: number; real: number}): Promise<BenchFleet> {
  const workshop = await openWorkshop();
  const {folder, runtime} = workshop;
  const hostKeyFile = await makeKey(join(folder, 'host_key'));
  const userKeyFile = await makeKey(join(folder, 'user_key'));
  const controller = await compileAsShipped('controller.ts');
  const emulator = fork(await compileAsShipped('emulator.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const order: EmulatorOrder = {
    count: emulated,
    hostKey: await readFile(hostKeyFile, 'utf8'),
    userKey: await readFile(`${userKeyFile}.pub`, 'utf8'),
    runtimeHex: hexOfDigest(runtime.digest),
    runtimeBlobs: runtime.files.map(({digest}) => hexOfDigest(digest)),
  };
  const ports = await ask<number[]>(emulator, order);
  const servers: {device: TestDevice; server: OpenSshServer}[] = [];
  for (let at = 0; at < real; at++) {
    const device = await makeDevice(workshop);
    const server = await startOpenSshServer({configuration: [`SetEnv HOME=${device.home}`]});
    if (server === null) throw new Error('there is no sshd here');
    await copyFile(`${userKeyFile}.pub`, join(dirname(server.knownHostsFile), 'authorized_keys'));
    servers.push({device, server});
  }
  const knownHostsFile = join(folder, 'known_hosts');
  const publicKey = await publicKeyOf(hostKeyFile);
  await writeFile(knownHostsFile, ports.map(port => `[127.0.0.1]:${port} ${publicKey}\n`).join(''));
  for (const {server} of servers)
    await appendFile(knownHostsFile, await readFile(server.knownHostsFile, 'utf8'));
  const about = {user: userInfo().username, identityFile: userKeyFile, knownHostsFile};
  const members: FleetMember[] = [
    ...servers.map(({server, device}, at) => ({
      ...about,
      name: `real-${at}`,
      port: server.port,
      endpointPort: device.port,
    })),
    ...ports.map((port, at) => ({...about, name: `emulated-${at}`, port, endpointPort: null})),
  ];
  return {
    folder,
    servers,
    async rollOut({weights, ...rest}) {
      const weightsFile = join(folder, 'weights');
      await writeFile(weightsFile, weights);
      const orderFile = join(folder, 'order.json');
      await writeFile(orderFile, JSON.stringify({...rest, workshop: folder, weightsFile, members}));
      const before = {machine: machineCpuSeconds(), emulator: await ask<number>(emulator, 'cpu')};
      const result = await runController(controller, orderFile);
      return {
        ...result,
        machineCpuSeconds: machineCpuSeconds() - before.machine,
        emulatorCpuSeconds: (await ask<number>(emulator, 'cpu')) - before.emulator,
      };
    },
    async countRefused() {
      const logs = await Promise.all(
        servers.map(({server}) => readFile(join(dirname(server.knownHostsFile), 'log'), 'utf8')),
      );
      const ofReal = logs.reduce((sum, log) => sum + (log.match(REFUSALS)?.length ?? 0), 0);
      return ofReal + (await ask<number>(emulator, 'count'));
    },
    async close() {
      emulator.kill();
      for (const {server, device} of servers) {
        await device.remove();
        await server.stop();
      }
      await workshop.close();
    },
  };
}

function machineCpuSeconds(): number {
  return cpus().reduce((sum, {times}) => sum + times.user + times.nice + times.sys, 0) / 1000;
}

function ask<T>(emulator: ChildProcess, message: EmulatorOrder | 'count' | 'cpu'): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error('the emulator has ended'));
    emulator.once('exit', fail);
    emulator.once('message', answer => {
      emulator.off('exit', fail);
      resolve(answer as T);
    });
    emulator.send(message);
  });
}

async function runController(program: string, orderFile: string): Promise<FleetResult> {
  const child = spawn(process.execPath, [program, orderFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  if (code !== 0) throw new Error(`the controller ended with ${code}`);
  return JSON.parse(output) as FleetResult;
}
