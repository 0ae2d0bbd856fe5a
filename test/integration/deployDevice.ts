import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {jsonFromDocument} from '../../src/documents/printDocument.ts';
import type {Release} from '../../src/documents/release.ts';
import {completePolicy} from '../../src/documents/rolloutPolicy.ts';
import {ignoreEvents} from '../../src/events.ts';
import {openProtocolClient} from '../../src/runtime/client.ts';
import {withDeviceLock} from '../../src/workflows/deploy/deviceLock.ts';
import {
  deployRelease,
  type DeployOptions,
  type DeployParts,
} from '../../src/workflows/deploy/deployRelease.ts';
import type {ShippedFile, Shipment} from '../../src/workflows/deploy/shipFiles.ts';
import {ship} from '../../src/workflows/deploy/shipFiles.ts';
import {digestOfBytes, hexOfDigest} from '../../src/workspace/digest.ts';
import {collectRuntimeFiles, type RuntimeFiles} from '../../src/workspace/runtimeFiles.ts';
import {createSigningKey, type SigningKey} from '../../src/workspace/signingKey.ts';
import {openStore, type Store} from '../../src/workspace/store.ts';
import {spec} from './agentHome.ts';
import {arithmeticModel, floats, numbersOf} from './smallModels.ts';
import {findFreePort} from './freePort.ts';

/** Everything that devices of one test file share: a store, a key, and a home with the runtime on it to copy from. */
export interface Workshop {
  readonly folder: string;
  readonly store: Store;
  readonly key: SigningKey;
  readonly runtime: RuntimeFiles;
  /** A home folder on which the runtime has been shipped and nothing else. */
  readonly template: string;
  close(): Promise<void>;
}

export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-workshop-'));
  const template = join(folder, 'template');
  await mkdir(template);
  const runtime = await collectRuntimeFiles(process.arch === 'arm64' ? 'arm64' : 'x64');
  const machine = await connectLocal(template, {});
  await withDeviceLock(machine, () =>
    ship(machine, `runtime/${hexOfDigest(runtime.digest)}`, runtime.files, 'runtime', ignoreEvents),
  );
  await machine.close();
  await rm(join(template, '.edgewise/locks'), {recursive: true});
  return {
    folder,
    store: openStore(join(folder, 'store')),
    key: await createSigningKey(join(folder, 'key.pem')),
    runtime,
    template,
    close: () => rm(folder, {recursive: true, force: true}),
  };
}

export function connectLocal(
  home: string,
  environment: Readonly<Record<string, string>>,
  name = 'pi-7',
): Promise<Machine> {
  return connectMachine(
    {name, address: 'local'},
    {acceptNewHostKeys: false, environment: {PATH: process.env['PATH'] ?? '', HOME: home, ...environment}},
  );
}

/** The machine with another way to run commands. */
export function runningThrough(machine: Machine, run: Machine['run']): Machine {
  return {
    name: machine.name,
    address: machine.address,
    run,
    upload: (...args) => machine.upload(...args),
    download: path => machine.download(path),
    openTunnel: port => machine.openTunnel(port),
    askForwarding: port => machine.askForwarding(port),
    close: () => machine.close(),
  };
}

/** A device in a folder of this machine: a home of its own, and processes that are known by it. */
export interface TestDevice {
  readonly home: string;
  /** edgewise's folder in it. */
  readonly root: string;
  readonly port: number;
  /** Over a new connection; `diesAfter`: the step after which the device's own process ends. */
  withMachine<T>(work: (machine: Machine) => Promise<T>, diesAfter?: string): Promise<T>;
  /** Ends every process of the device, as a power cut does. */
  cutPower(): Promise<void>;
  /** Starts what a device starts by itself; with `isReboot` whatever was pending is of an earlier boot. */
  start(isReboot: boolean): Promise<void>;
  current(): Promise<string | null>;
  /** What the endpoint answers for zeros: the constant of the release that serves. */
  answer(): Promise<number>;
  remove(): Promise<void>;
}

/** Hard links make a home with a runtime of 180 MB a matter of milliseconds. */
export async function makeDevice(workshop: Workshop): Promise<TestDevice> {
  const home = await mkdtemp(join(workshop.folder, 'device-'));
  execFileSync('cp', ['-al', join(workshop.template, '.edgewise'), join(home, '.edgewise')]);
  const root = join(home, '.edgewise');
  const port = await findFreePort();
  const runtimeFolder = join(root, 'runtime', hexOfDigest(workshop.runtime.digest));
  const endProcesses = async (): Promise<void> => {
    for (let waitedMs = 0; waitedMs < 5000; waitedMs += 20) {
      const pids = await processesOf(root);
      if (pids.length === 0) return;
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended meanwhile.
        }
      }
      await sleep(20);
    }
    throw new Error(`processes of ${root} would not end`);
  };
  return {
    home,
    root,
    port,
    async withMachine(work, diesAfter) {
      const machine = await connectLocal(
        home,
        diesAfter === undefined ? {} : {EDGEWISE_DIES_AFTER: diesAfter},
      );
      try {
        return await work(machine);
      } finally {
        await machine.close();
      }
    },
    cutPower: endProcesses,
    async start(isReboot) {
      if (isReboot) await pretendEarlierBoot(root);
      const other = join(root, 'serving-runtime');
      const runtime = existsSync(runtimeFolder) ? runtimeFolder : other;
      execFileSync(join(runtime, 'bin/node'), [join(runtime, 'edgewise.mjs'), 'supervise', '--home', root]);
    },
    current: () =>
      readlink(join(root, 'current')).then(
        target => target.replace('releases/', ''),
        () => null,
      ),
    async answer() {
      const client = openProtocolClient(`http://127.0.0.1:${port}`);
      try {
        const {outputs} = await client.infer('net', {inputs: {x: floats([1, 4], [0, 0, 0, 0])}});
        return numbersOf(outputs['y'])[0] ?? NaN;
      } finally {
        client.close();
      }
    },
    async remove() {
      await endProcesses();
      await rm(home, {recursive: true, force: true});
    },
  };
}

/** A test on a device of its own, so that it can run beside others: most of the time such tests wait for the device. */
export const onDevice =
  (workshop: () => Workshop, work: (device: TestDevice) => Promise<void>) => async (): Promise<void> => {
    const device = await makeDevice(workshop());
    try {
      await work(device);
    } finally {
      await device.remove();
    }
  };

/** A boot id cannot be changed from here, but it can be made to look as if the files were of the boot before. */
async function pretendEarlierBoot(root: string): Promise<void> {
  for (const name of ['pending.json', 'confirming.json', 'reverting.json']) {
    const path = join(root, name);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null)
      await writeFile(path, JSON.stringify({...(JSON.parse(text) as object), bootId: 'an-earlier-boot'}));
  }
}

export async function processesOf(root: string): Promise<number[]> {
  const found = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const argv = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (argv.some(part => part === root || part.startsWith(`${root}/`))) found.push(Number(name));
  }
  return found;
}

/** A release whose endpoint adds `constant`; later `madeSecond`, higher number. */
export async function composeAdding(
  workshop: Pick<Workshop, 'store' | 'runtime'>,
  constant: number,
  {
    port,
    madeSecond = 0,
    device = 'pi-7',
    weights = [],
  }: {
    port: number;
    madeSecond?: number;
    device?: string;
    weights?: readonly Uint8Array[];
  },
): Promise<{release: Release; files: ShippedFile[]}> {
  const {store, runtime} = workshop;
  const files: ShippedFile[] = [];
  const add = async (path: string, bytes: Uint8Array): Promise<void> => {
    const digest = await store.put([bytes]);
    files.push({path, digest, sizeBytes: bytes.byteLength, source: store.pathOf(digest)});
  };
  await add('head.onnx', arithmeticModel('Add', constant));
  for (const [index, bytes] of weights.entries()) await add(`weights/${index}`, bytes);
  const content = {
    madeFrom: {plan: digestOfBytes(`plan ${constant}`)},
    device,
    plan: digestOfBytes(`plan ${constant}`),
    runtime: runtime.digest,
    endpoint: {port},
    model: {name: 'net', inputs: [spec('x')], outputs: [spec('y')]},
    threads: 1,
    head: {graph: 'head.onnx', inputs: [spec('x')], outputs: [spec('y')]},
    files: files.map(({path, digest, sizeBytes}) => ({path, digest, sizeBytes})),
  };
  const release: Release = {
    kind: 'edgewise/release',
    formatVersion: 1,
    madeBy: 'test',
    madeAt: new Date(Date.UTC(2026, 0, 1, 0, 0, madeSecond)).toISOString(),
    id: hexOfDigest(digestOfBytes(JSON.stringify(content))).slice(0, 16),
    ...content,
  };
  const bytes = Buffer.from(jsonFromDocument('release', release));
  const digest = await store.put([bytes]);
  files.push({path: 'release.json', digest, sizeBytes: bytes.byteLength, source: store.pathOf(digest)});
  return {release, files};
}

/** Of a linear congruential generator: the same in every process. */
export const OLD_WEIGHTS = Buffer.alloc(200_000);
for (let at = 0, state = 1; at < OLD_WEIGHTS.length; at += 1) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  OLD_WEIGHTS[at] = state >>> 24;
}

/** As little different as weights that were tuned: sent as a delta. */
export function newWeights(what: string): Buffer {
  return Buffer.from(OLD_WEIGHTS).fill(what, 500, 600);
}

const ZEROS = floats([1, 4], [0, 0, 0, 0]);

/** What a push does, with golden data that a right release passes. */
export async function deployAdding(
  workshop: Pick<Workshop, 'store' | 'runtime' | 'key'>,
  device: Pick<TestDevice, 'port' | 'withMachine'>,
  constant: number,
  settings: {
    readonly madeSecond?: number;
    readonly options?: DeployOptions;
    readonly parts?: Partial<DeployParts>;
    readonly diesAfter?: string;
    readonly leaseSeconds?: number;
    readonly weights?: readonly Uint8Array[];
  } = {},
): Promise<{release: string} & Pick<Shipment, 'sentBytes' | 'savedBytes'>> {
  const {madeSecond = constant, options = {}, parts = {}, diesAfter, weights = []} = settings;
  const composed = await composeAdding(workshop, constant, {port: device.port, madeSecond, weights});
  return device.withMachine(
    machine =>
      withDeviceLock(
        machine,
        async lock => {
          const {shipment} = await deployRelease(
            machine,
            lock,
            {
              store: workshop.store,
              composed,
              runtime: workshop.runtime,
              key: workshop.key,
              golden: [
                {
                  inputs: {x: ZEROS},
                  outputs: {y: floats([1, 4], [constant, constant, constant, constant])},
                },
              ],
              tolerance: 0.01,
              predictedMs: null,
              // How fast it is, is judged where that is what a test is about.
              gates: {...completePolicy().gates, p95ToPrevious: 1000},
              timedRequests: 5,
              keepCount: 3,
              withNewConnection: work => device.withMachine(work, diesAfter),
              ...parts,
            },
            options,
            ignoreEvents,
          );
          const {sentBytes, savedBytes} = shipment;
          return {release: composed.release.id, sentBytes, savedBytes};
        },
        settings.leaseSeconds === undefined ? {} : {leaseSeconds: settings.leaseSeconds},
      ),
    diesAfter,
  );
}

/** Every file of every release is the blob that its document names, byte for byte. */
export async function damagedFiles(root: string): Promise<string[]> {
  const damaged = [];
  for (const name of await readdir(join(root, 'releases')).catch(() => [])) {
    if (!/^[0-9a-f]{16}$/.test(name)) continue;
    const folder = join(root, 'releases', name);
    const release = JSON.parse(await readFile(join(folder, 'release.json'), 'utf8')) as Release;
    for (const file of release.files) {
      const path = join(folder, file.path);
      const isRight =
        (await stat(path).catch(() => null))?.size === file.sizeBytes &&
        digestOfBytes(await readFile(path)) === file.digest;
      if (!isRight) damaged.push(path);
    }
  }
  return damaged;
}
