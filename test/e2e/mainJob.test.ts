import {copyFile, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile} from 'node:fs/promises';
import {createServer, connect, type AddressInfo, type Socket} from 'node:net';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {InferResult} from '../../src/documents/inference.ts';
import {proofFrom} from '../../src/documents/planProof.ts';
import {planFromYaml, profileFromYaml} from '../../src/documents/readDocument.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {runOnce} from '../../src/engine/session.ts';
import {startSshServer} from '../../src/lab/sshServer.ts';
import {readNpy, writeNpy} from '../../src/workspace/npy.ts';
import {findFreePort} from '../integration/freePort.ts';
import {makeKey, startOpenSshServer} from '../integration/sshServers.ts';
import {jsonOf, ROOT, runEdgewise, startCloud, type Ended, type RunningServer} from './runEdgewise.ts';
import {tmpdir} from 'node:os';

interface Device {
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  stop(): Promise<void>;
}

/** An SSH server whose commands have `home` as their home folder; `null` where it cannot be had. */
type StartDevice = (folder: string, home: string) => Promise<Device | null>;

const startOpenSshDevice: StartDevice = async (_folder, home) => {
  const server = await startOpenSshServer({configuration: [`SetEnv HOME=${home}`]});
  if (server === null) return null;
  return {port: server.port, user: server.user, keyFile: server.userKeyFile, stop: () => server.stop()};
};

const startLabDevice: StartDevice = async (folder, home) => {
  const hostKey = await makeKey(join(folder, 'host_key'));
  const keyFile = await makeKey(join(folder, 'user_key'));
  const server = await startSshServer({
    home,
    hostKey: await readFile(hostKey, 'utf8'),
    authorizedKeys: [await readFile(`${keyFile}.pub`, 'utf8')],
    deviceName: 'pi-7',
    user: 'pi',
  });
  return {port: server.port, user: 'pi', keyFile, stop: () => server.close()};
};

describe.each([
  ['the real OpenSSH', startOpenSshDevice],
  ["the lab's SSH server", startLabDevice],
])('the main job over %s', (name, startDevice) => {
  let folder: string;
  let device: Device | null = null;
  let cloud: RunningServer;
  let cutter: CuttingRelay;
  const project = () => join(folder, 'project');
  const deviceHome = () => join(folder, 'device');
  /** Files of the runtime are links to its blobs. */
  const blobsBesideRuntime = async (): Promise<{path: string; sizeBytes: number}[]> => {
    const filesBelow = async (place: string) => {
      const folderThere = join(deviceHome(), '.edgewise', place);
      const names = await readdir(folderThere, {recursive: true});
      return Promise.all(
        names.map(async name => {
          const {ino, size} = await stat(join(folderThere, name));
          return {path: join(folderThere, name), inode: ino, sizeBytes: size};
        }),
      );
    };
    const ofRuntime = new Set((await filesBelow('runtime')).map(({inode}) => inode));
    return (await filesBelow('blobs/sha256')).filter(({inode}) => !ofRuntime.has(inode));
  };
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(args, {cwd: project(), home: join(folder, 'home')});
  const succeed = async (...args: string[]): Promise<Ended> => {
    const ended = await edgewise(...args);
    expect(ended.exitCode, `${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
    return ended;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-main-job-'));
    for (const part of ['home', 'device', 'project', 'cloud']) await mkdir(join(folder, part));
    device = await startDevice(folder, deviceHome());
    if (device === null) return;
    cutter = await startCuttingRelay(device.port);
    cloud = await startCloud({cwd: join(folder, 'cloud'), home: join(folder, 'home')});
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(project(), 'pictures.onnx'));
    await writeFile(
      join(project(), 'edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        'model: {file: pictures.onnx, inputs: {image: [2, 3, 32, 32]}}',
        'ssh: {configFile: ssh_config, knownHostsFile: known_hosts}',
        'devices:',
        `  - {name: pi-7, address: 127.0.0.1, port: ${cutter.port}, user: ${device.user}, identityFile: ${device.keyFile}, endpointPort: ${await findFreePort()}}`,
        'clouds:',
        `  - {name: cloud, url: ${cloud.url}}`,
        // The machine is shared with other tests: how fast a release is, is not what these are about.
        'rollout: {gates: {minSamples: 5, p95ToPrediction: 1000, p95ToPrevious: 1000}}',
        '',
      ].join('\n'),
    );
    await writeFile(join(project(), 'ssh_config'), '');
  });

  afterAll(async () => {
    const pidFile = join(deviceHome(), '.edgewise/supervisor.pid');
    if (existsSync(pidFile)) process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGTERM');
    await cutter?.close();
    await cloud?.stop();
    await device?.stop();
    await rm(folder, {recursive: true, force: true});
  });

  it('profiles, plans a true split, pushes it and answers as the unsplit model does', async context => {
    if (device === null) return context.skip(`${name} is not installed here`);
    const refused = await edgewise('profile', '--runs', '3');
    expect(refused.exitCode).toBe(11);
    expect(refused.stderr).toMatch(/SHA256:/);
    expect(refused.stderr).toContain('--accept-new-host-keys');

    await succeed(
      // On a busy machine a shorter time does not suffice for what handing tensors over costs.
      ...['profile', '--runs', '3', '--sustained-seconds', '1', '--link-seconds', '4'],
      '--accept-new-host-keys',
    );
    const profileFile = join(project(), 'profiles/pi-7.yaml');
    const profile = profileFromYaml(await readFile(profileFile, 'utf8'), profileFile);
    expect(profile.hardware?.architecture).toBe(process.arch);
    expect(profile.links).toHaveLength(1);
    const [times] = profile.models;
    const sum = times?.layers.reduce((total, layer) => total + layer.ms, 0) ?? 0;
    // As long as requests took, which on a busy machine may be less than the runs by themselves.
    expect(sum).toBeGreaterThan((times?.wholeRun.medianMs ?? NaN) / 4);
    const {handover} = profile.links[0]!;
    expect(handover?.obtained).toBe('measured');
    // No fewer than six of each of the four kinds of request.
    expect(handover?.samples).toBeGreaterThanOrEqual(24);

    await succeed('plan', '--pin', 'pool1=device', '--pin', 'conv2=cloud');
    const planFile = join(project(), 'plans/pi-7.yaml');
    const plan = planFromYaml(await readFile(planFile, 'utf8'), planFile);
    const {flow, cut, isOptimal} = proofFrom(plan.certificate);
    expect({flow, isOptimal}).toEqual({flow: cut, isOptimal: true});
    expect(plan.cut.map(({tensor, direction, bytes}) => [tensor, direction, bytes])).toEqual([
      [expect.any(String), 'up', 2 * 32 * 16 * 16 * 4],
      ['probabilities', 'down', 2 * 10 * 4],
    ]);

    interface Preview {
      readonly sending: Readonly<Record<string, {lackingBytes: number; fileBytes: number}>>;
    }
    const dryRun = async (): Promise<Preview['sending'][string]> =>
      jsonOf<Preview>(await succeed('rollout', 'start', '--dry-run', '--json')).sending['pi-7']!;
    const foreseen = await dryRun();
    // The runtime is there since the profile.
    expect(foreseen.fileBytes).toBeGreaterThan(50e6);
    expect(foreseen.lackingBytes).toBeGreaterThan(0);
    expect(foreseen.lackingBytes).toBeLessThan(1e6);
    await expect(readlink(join(deviceHome(), '.edgewise/current'))).rejects.toThrow();
    const pushed = jsonOf<{outcome: string; release: string; sentBytes: number}>(
      await succeed('push', 'plans/pi-7.yaml', '--json'),
    );
    expect(pushed.outcome).toBe('activated');
    expect(await readlink(join(deviceHome(), '.edgewise/current'))).toBe(`releases/${pushed.release}`);
    expect(pushed.sentBytes).toBeGreaterThan(0);
    expect((await dryRun()).lackingBytes).toBe(0);
    const again = jsonOf(await succeed('push', 'plans/pi-7.yaml', '--json'));
    expect(again).toMatchObject({outcome: 'unchanged', release: pushed.release, sentFiles: 0, sentBytes: 0});

    const feeds = randomFeeds([{name: 'image', elementType: 'float32', shape: [6, 3, 32, 32]}], 3);
    await writeNpy(join(project(), 'image.npy'), feeds['image']!);
    const answer = jsonOf<InferResult>(
      await succeed('infer', 'pi-7', '--input', 'image.npy', '--output', 'answers', '--json'),
    );
    expect(answer).toMatchObject({requests: 3, samples: 6, planFile});
    expect(answer.measured.tailMs).toBeGreaterThan(0);
    const unsplit = await runOnce({path: join(project(), 'pictures.onnx')}, feeds);
    const split = await readNpy(join(project(), 'answers/probabilities.npy'));
    const expected = floatsOf(unsplit.outputs['probabilities']!.bytes);
    floatsOf(split.bytes).forEach((value, index) =>
      expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-5),
    );
  });

  it('keeps the old release serving when the connection is lost in the midst of an upload', async context => {
    if (device === null) return context.skip(`${name} is not installed here`);
    const before = await readlink(join(deviceHome(), '.edgewise/current'));
    await succeed('plan', '--pin', '*=device', '--output', 'plans/all.yaml');
    // The release has all weights, for when the cloud is gone: the device is to lack them, but not the runtime.
    await Promise.all((await blobsBesideRuntime()).map(({path}) => rm(path)));
    // The lock of the controller that was cut off ends with its lease, which is not waited for here.
    const unlock = (): Promise<void> =>
      rm(join(deviceHome(), '.edgewise/locks'), {recursive: true, force: true});
    const isPart = ({path}: {path: string}): boolean => /\/[0-9a-f]{64}\.partial$/.test(path);
    let there = await blobsBesideRuntime();
    // On a busy machine the connection may be cut before the device has begun to write.
    for (let pushes = 0; pushes < 4 && !there.some(isPart); pushes += 1) {
      cutter.cutAfterBytes(600_000);
      const lost = await edgewise('push', 'plans/all.yaml', '--retries', '2');
      cutter.cutAfterBytes(Infinity);
      expect(lost.exitCode, lost.stderr).toBe(11);
      expect(lost.stderr).not.toContain('bug');
      expect(lost.stderr).toContain('Trying again (2 of 2)');
      expect(await readlink(join(deviceHome(), '.edgewise/current'))).toBe(before);
      await unlock();
      there = await blobsBesideRuntime();
    }
    // The weights of the dense layer, 2 MB, had come in part.
    expect(there.some(isPart)).toBe(true);
    for (const {path, sizeBytes} of there)
      if (!path.endsWith('.partial')) expect(sizeBytes, path).toBeLessThan(1e6);
    const still = jsonOf<InferResult>(await succeed('infer', 'pi-7', '--input', 'image.npy', '--json'));
    expect(`releases/${still.release}`).toBe(before);

    const pushed = jsonOf<{release: string}>(await succeed('push', 'plans/all.yaml', '--json'));
    const now = jsonOf<InferResult>(await succeed('infer', 'pi-7', '--input', 'image.npy', '--json'));
    expect(now).toMatchObject({release: pushed.release, measured: {tailMs: 0}});
  });

  it('refuses a release whose port another program has, before the old one is touched', async context => {
    if (device === null) return context.skip(`${name} is not installed here`);
    const before = await readlink(join(deviceHome(), '.edgewise/current'));
    const text = await readFile(join(project(), 'edgewise.yaml'), 'utf8');
    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    const {port} = taken.address() as AddressInfo;
    // The new release wants a port that another program has.
    await writeFile(
      join(project(), 'edgewise.yaml'),
      text.replace(/endpointPort: \d+/, `endpointPort: ${port}`),
    );
    const failed = await edgewise('push', 'plans/all.yaml', '--json');
    await new Promise(resolve => taken.close(resolve));
    await writeFile(join(project(), 'edgewise.yaml'), text);
    expect(failed.exitCode, failed.stderr).toBe(12);
    const {error} = jsonOf<{error: {code: string; message: string}}>(failed);
    expect(error.code).toBe('port-in-use');
    expect(error.message).toContain(String(port));
    expect(await readlink(join(deviceHome(), '.edgewise/current'))).toBe(before);
    await succeed('infer', 'pi-7', '--input', 'image.npy');
  });

  it('refuses a plan made from other measurements or another model', async context => {
    if (device === null) return context.skip(`${name} is not installed here`);
    const profileFile = join(project(), 'profiles/pi-7.yaml');
    const text = await readFile(profileFile, 'utf8');
    await writeFile(profileFile, text.replace(/madeAt: .*/, 'madeAt: 2026-01-01T00:00:00.000Z'));
    const stale = await edgewise('push', 'plans/all.yaml');
    await writeFile(profileFile, text);
    expect(stale.exitCode).toBe(14);
    expect(stale.stderr).toContain('profile pi-7');
    expect(stale.stderr).toContain('edgewise plan pi-7');

    const model = await readFile(join(project(), 'pictures.onnx'));
    // Another producer name: the same layers, but not the same file.
    await writeFile(join(project(), 'pictures.onnx'), Buffer.concat([model, Buffer.from([0x1a, 1, 0x78])]));
    const other = await edgewise('push', 'plans/all.yaml');
    await writeFile(join(project(), 'pictures.onnx'), model);
    expect(other.exitCode).toBe(14);
    expect(other.stderr).toContain('another model');
  });

  it('refuses a second controller while the device is locked', async context => {
    if (device === null) return context.skip(`${name} is not installed here`);
    const locks = join(deviceHome(), '.edgewise/locks');
    const fence = Math.max(...(await readdir(locks)).map(Number)) + 1;
    const lock = join(locks, String(fence));
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const uptime = Math.floor(Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]));
    await writeFile(lock, `somebody:1:aa ${uptime + 500} ${boot}\n`);
    await succeed('plan', '--pin', 'pool1=device', '--pin', 'conv2=cloud', '--output', 'plans/split2.yaml');
    const locked = await edgewise('push', 'plans/split2.yaml');
    expect(locked.exitCode).toBe(14);
    expect(locked.stderr).toContain('somebody:1:aa');
    // A lease that has run out, or one of before a reboot, holds nobody up.
    await writeFile(lock, `somebody:1:aa ${uptime - 1} ${boot}\n`);
    await succeed('push', 'plans/split2.yaml');
    // Given back, by the holder with the next number.
    expect(await readdir(locks)).toEqual([String(fence + 1)]);
    expect(await readFile(join(locks, String(fence + 1)), 'utf8')).toMatch(/^- /);
  });
});

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

interface CuttingRelay {
  readonly port: number;
  /** Connections are reset once this many bytes have gone to the server, counted from now. */
  cutAfterBytes(bytes: number): void;
  close(): Promise<void>;
}

/** A relay in front of the device that can lose the connection at a chosen byte. */
async function startCuttingRelay(targetPort: number): Promise<CuttingRelay> {
  let leftBytes = Infinity;
  const open = new Set<Socket>();
  const server = createServer(client => {
    const target = connect(targetPort, '127.0.0.1');
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      leftBytes -= chunk.length;
      if (leftBytes < 0) client.resetAndDestroy();
      else target.write(chunk);
    });
    target.pipe(client);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cutAfterBytes: bytes => (leftBytes = bytes),
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
