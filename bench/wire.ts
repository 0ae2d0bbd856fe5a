/**
 * What compression and deltas save on a slow link, beside rsync -z and scp -C: a real sshd behind the lab's relay. First a
 * runtime onto a device that has nothing, then a release of int8 weights that were tuned: each weight of a real model moves by a
 * normal share of its tensor's deviation, and both are quantised.
 * Usage: npm run bench:wire [-- --runs 2 --megabits 50 --slow-megabits 1 --round-trip 50 --noise 0.01 --model FILE]
 */
import {execFile} from 'node:child_process';
import {cp, link, mkdir, mkdtemp, readdir, rm, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {parseArgs, promisify} from 'node:util';
import {startLinkRelay} from '../src/lab/linkRelay.ts';
import {bytesOfTensor, elementTypeOfTensor} from '../src/model/onnx/tensorData.ts';
import {floatsOfTensor} from '../src/quantize/floatsOfTensor.ts';
import {quantizeWeights} from '../src/quantize/quantizeWeights.ts';
import {sendReleaseBlobs} from '../src/workflows/deploy/sendReleaseBlobs.ts';
import {sendMissingBlobs} from '../src/workflows/deploy/shipFiles.ts';
import {openModel} from '../src/workflows/openModel.ts';
import {hexOfDigest} from '../src/workspace/digest.ts';
import {startCuttingRelay} from '../test/integration/cuttingRelay.ts';
import {composeAdding, deployAdding, makeDevice, openWorkshop} from '../test/integration/deployDevice.ts';
import {startOpenSshServer} from '../test/integration/sshServers.ts';
import {median, spread} from './push/spread.ts';
import {withRelayedMachine} from './push/uploadContenders.ts';

const {values} = parseArgs({
  options: {
    runs: {type: 'string', default: '2'},
    megabits: {type: 'string', default: '50'},
    'slow-megabits': {type: 'string', default: '1'},
    'round-trip': {type: 'string', default: '50'},
    noise: {type: 'string', default: '0.01'},
    model: {type: 'string', default: '../shared/models/squeezenet/squeezenet1.1_fp32.onnx'},
    only: {type: 'string', default: ''},
  },
});
const run = promisify(execFile);
const workshop = await openWorkshop();

interface Way {
  readonly name: string;
  /** What this way leaves on the device is gone before and right after. */
  readonly send: (place: {port: number; server: Server}) => Promise<void>;
  /** What the device has of gzip and zstd. */
  readonly path?: string;
}
type Server = NonNullable<Awaited<ReturnType<typeof startOpenSshServer>>>;

async function toolsWithout(names: readonly string[]): Promise<string> {
  const tools = await mkdtemp(join(workshop.folder, 'tools-'));
  for (const folder of ['/usr/bin', '/bin'])
    for (const name of await readdir(folder))
      if (!names.includes(name)) await symlink(join(folder, name), join(tools, name)).catch(() => {});
  return tools;
}

function sshOptions({userKeyFile}: Server): string[] {
  return [
    ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=ERROR'],
    ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes', '-i', userKeyFile],
  ];
}

function rsync(from: string, to: string, ...more: string[]): Way['send'] {
  return async ({port, server}) => {
    const shell = ['ssh', ...sshOptions(server), '-p', String(port)].join(' ');
    await run('rsync', ['-rz', ...more, '-e', shell, `${from}/`, `${server.user}@${server.host}:${to}`]);
  };
}

function scp(from: string, to: string): Way['send'] {
  return async ({port, server}) => {
    const target = `${server.user}@${server.host}:${to}`;
    await run('scp', ['-q', '-r', '-C', ...sshOptions(server), '-P', String(port), from, target]);
  };
}

/** Turn about, each run on a device as `prepare` makes it. */
async function compare(
  what: string,
  home: string,
  megabits: number,
  ways: readonly Way[],
  prepare: () => Promise<void>,
): Promise<void> {
  const seconds = new Map<string, number[]>(ways.map(({name}) => [name, []]));
  const bytes = new Map<string, number[]>(ways.map(({name}) => [name, []]));
  for (let round = 0; round < Number(values.runs); round += 1)
    for (const {name, send, path} of ways) {
      await prepare();
      const server = await startOpenSshServer({
        configuration: [`SetEnv HOME=${home}${path === undefined ? '' : ` PATH=${path}`}`],
      });
      if (server === null) throw new Error('there is no /usr/sbin/sshd here');
      // Behind the link: what is counted has crossed it.
      const counter = await startCuttingRelay(server.port);
      const relay = await startLinkRelay({
        targetHost: '127.0.0.1',
        targetPort: counter.port,
        upBitsPerSecond: megabits * 1e6,
        downBitsPerSecond: megabits * 1e6,
        roundTripMs: Number(values['round-trip']),
      });
      try {
        const startedAt = performance.now();
        await send({port: relay.port, server});
        seconds.get(name)!.push((performance.now() - startedAt) / 1000);
        bytes.get(name)!.push(counter.wireBytes());
      } finally {
        await relay.close();
        await counter.close();
        await server.stop();
      }
    }
  console.log(`${what}, ${megabits} Mbit/s, ${values['round-trip']} ms, ${values.runs} runs`);
  for (const {name} of ways)
    console.log(
      `  ${name.padEnd(22)} ${(median(bytes.get(name)!) / 1e6).toFixed(2).padStart(7)} MB  ${spread(seconds.get(name)!, 1)} s`,
    );
}

async function compareFirstPush(): Promise<void> {
  const home = await mkdtemp(join(workshop.folder, 'bare-'));
  const {files} = workshop.runtime;
  const tree = join(workshop.folder, 'runtime-tree');
  for (const {path, source} of files) {
    await mkdir(dirname(join(tree, path)), {recursive: true});
    await link(source, join(tree, path)).catch(() => cp(source, join(tree, path)));
  }
  const send: Way['send'] = async place => {
    await withRelayedMachine({...place, scratch: workshop.folder}, machine =>
      sendMissingBlobs(machine, files),
    );
  };
  const ways: Way[] = [
    {name: 'edgewise, zstd', send},
    {name: 'edgewise, gzip', send, path: await toolsWithout(['zstd'])},
    {name: 'edgewise, neither', send, path: await toolsWithout(['zstd', 'gzip'])},
    {name: 'rsync -z', send: rsync(tree, join(home, 'rsync'))},
    {name: 'scp -C', send: scp(tree, join(home, 'scp'))},
  ];
  const size = files.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0) / 1e6;
  await compare(`A first push (${size.toFixed(1)} MB)`, home, Number(values.megabits), ways, async () => {
    await rm(home, {recursive: true});
    await mkdir(home);
  });
}

/** Each large weight of the model as int8, as it was and tuned; all others as they are, together. */
function tunedWeights(): {old: Uint8Array[]; tuned: Uint8Array[]} {
  const opened = openModel(values.model);
  let state = 1;
  const random = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32;
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const noise = Number(values.noise);
  const pairs = opened.model.graph.initializers.map(tensor => {
    if (elementTypeOfTensor(tensor) !== 'float32')
      return [bytesOfTensor(tensor), bytesOfTensor(tensor)] as const;
    const floats = floatsOfTensor(tensor);
    const deviation = Math.sqrt(floats.reduce((sum, value) => sum + value * value, 0) / floats.length);
    const moved = floats.map(value => value + noise * deviation * normal());
    if (floats.length < 16_384) return [new Uint8Array(floats.buffer), new Uint8Array(moved.buffer)] as const;
    const dims = tensor.dims.map(Number);
    return [floats, moved].map(weights => {
      const {values: integers} = quantizeWeights(weights, dims, 0, {bits: 8});
      return new Uint8Array(integers.buffer, integers.byteOffset, integers.byteLength);
    }) as [Uint8Array, Uint8Array];
  });
  opened.close();
  const split = (at: 0 | 1): Uint8Array[] => [
    ...pairs.filter(pair => pair[at].length >= 16_384).map(pair => pair[at]),
    Buffer.concat(pairs.filter(pair => pair[at].length < 16_384).map(pair => pair[at])),
  ];
  return {old: split(0), tuned: split(1)};
}

async function compareTuned(): Promise<void> {
  const {old, tuned} = tunedWeights();
  const device = await makeDevice(workshop);
  try {
    await deployAdding(workshop, device, 1, {weights: old});
    const {files} = await composeAdding(workshop, 2, {port: device.port, weights: tuned});
    const current = await device.current();
    const program = {home: device.home, runtimeHex: hexOfDigest(workshop.runtime.digest)};
    const [before, after] = [join(workshop.folder, 'before'), join(workshop.folder, 'after')];
    for (const [folder, weights] of [
      [before, old],
      [after, tuned],
    ] as const) {
      await mkdir(folder);
      for (const [index, bytes] of weights.entries()) await writeFile(join(folder, String(index)), bytes);
    }
    const send =
      (currentRelease: string | null): Way['send'] =>
      async place => {
        await withRelayedMachine({...place, scratch: workshop.folder}, machine =>
          sendReleaseBlobs(machine, files, {store: workshop.store, program, currentRelease}, () => {}),
        );
      };
    const ways: Way[] = [
      {name: 'edgewise, deltas', send: send(current)},
      {name: 'edgewise, whole, zstd', send: send(null)},
      {name: 'edgewise, whole', send: send(null), path: await toolsWithout(['zstd', 'gzip'])},
      {name: 'rsync -z', send: rsync(after, join(device.home, 'rsync'), '--no-whole-file', '--ignore-times')},
      {name: 'scp -C', send: scp(after, join(device.home, 'scp'))},
    ];
    const size = tuned.reduce((sum, {length}) => sum + length, 0) / 1e6;
    const what = `Tuned int8 weights (${size.toFixed(2)} MB)`;
    await compare(what, device.home, Number(values['slow-megabits']), ways, async () => {
      const kept = new Set(await readdir(join(workshop.template, '.edgewise/blobs/sha256')));
      const first = await composeAdding(workshop, 1, {port: device.port, weights: old});
      for (const {digest} of first.files) kept.add(hexOfDigest(digest));
      const blobs = join(device.root, 'blobs/sha256');
      for (const name of await readdir(blobs)) if (!kept.has(name)) await rm(join(blobs, name));
      for (const name of ['rsync', 'scp']) await rm(join(device.home, name), {recursive: true, force: true});
      // rsync may take what differs from old files, too.
      await cp(before, join(device.home, 'rsync'), {recursive: true});
    });
  } finally {
    await device.remove();
  }
}

try {
  if ('first push'.includes(values.only)) await compareFirstPush();
  if ('tuned'.includes(values.only)) await compareTuned();
} finally {
  await workshop.close();
}
