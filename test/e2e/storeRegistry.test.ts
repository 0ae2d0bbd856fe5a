import {createHash} from 'node:crypto';
import {existsSync, readdirSync, statSync} from 'node:fs';
import {copyFile, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {execFileSync, spawnSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {stringify} from 'yaml';
import type {StorePulled, StorePushed} from '../../src/documents/storeTransfer.ts';
import type {PushResult} from '../../src/workflows/push.ts';
import {isProgramInstalled, startRegistry, type TestRegistry} from '../integration/registryServer.ts';
import {findFreePort} from '../integration/freePort.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

const isRequired = process.env['EDGEWISE_REQUIRE_REGISTRY'] === '1';
const canRun = isRequired || (isProgramInstalled('docker-registry') && isProgramInstalled('skopeo'));
const TOOLS = [
  {tool: 'skopeo', other: 'oras'},
  ...(isProgramInstalled('oras') ? [{tool: 'oras', other: 'skopeo'}] : []),
];

interface ErrorReport {
  readonly error: {readonly code: string; readonly message: string; readonly hints: readonly string[]};
}

describe.skipIf(!canRun).each(TOOLS)('edgewise store by $tool (docker-registry, skopeo)', ({tool, other}) => {
  let folder: string;
  let registry: TestRegistry;
  let reference: string;
  let pushed: StorePushed;
  let projectFile: string;

  /** A machine of its own: a home with no key in it, and a project. */
  const on = (
    machine: string,
    args: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<Ended> =>
    runEdgewise([...args, '--json'], {
      cwd: join(folder, machine, 'project'),
      home: join(folder, machine),
      environment: {
        REGISTRY_AUTH_FILE: registry.authFile,
        ...(args[0] === 'store' ? {PATH: pathWith(tool)} : {}),
        ...environment,
      },
    });
  /** Where no other program is found: of two tools edgewise takes skopeo. */
  const pathWith = (name: string): string => `${join(folder, `with-${name}`)}:${dirname(process.execPath)}`;
  const codeOf = (ended: Ended): string => jsonOf<ErrorReport>(ended).error.code;
  const makeMachine = async (machine: string): Promise<void> => {
    await mkdir(join(folder, machine, 'project'), {recursive: true});
    // Where oras looks; skopeo is told.
    await mkdir(join(folder, machine, '.docker'));
    await copyFile(registry.authFile, join(folder, machine, '.docker/config.json'));
    await writeFile(join(folder, machine, 'project/edgewise.yaml'), projectFile);
  };
  const pull = (machine: string, ...more: string[]): Promise<Ended> =>
    on(machine, ['store', 'pull', reference, '--plain-http', ...more]);
  const blobsOf = (machine: string): string[] => {
    const store = join(folder, machine, 'project/.edgewise/store/sha256');
    return existsSync(store) ? readdirSync(store) : [];
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-store-'));
    for (const name of [tool, other]) {
      await mkdir(join(folder, `with-${name}`));
      const found = spawnSync('sh', ['-c', `command -v ${name}`], {encoding: 'utf8'}).stdout.trim();
      if (found !== '') await symlink(found, join(folder, `with-${name}`, name));
    }
    registry = await startRegistry();
    reference = `oci://${registry.address}/shop/shelves:v1`;
    projectFile = stringify({
      kind: 'edgewise/project',
      formatVersion: 1,
      model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
      devices: [{name: 'shelf', address: 'local', endpointPort: await findFreePort()}],
    });
    await makeMachine('builder');
    await copyFile(
      join(ROOT, 'templates/quickstart/pictures.onnx'),
      join(folder, 'builder/project/pictures.onnx'),
    );
    for (const args of [['profile', '--runs', '3', '--sustained-seconds', '0'], ['plan']]) {
      const ended = await on('builder', args);
      expect(ended.exitCode, ended.stdout).toBe(0);
    }
    const ended = await on('builder', ['store', 'push', reference, '--plain-http']);
    expect(ended.exitCode, ended.stdout).toBe(0);
    pushed = jsonOf<StorePushed>(ended);
  }, 120_000);

  afterAll(async () => {
    const pidFile = join(folder, 'shipper/.edgewise/supervisor.pid');
    if (existsSync(pidFile)) process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGTERM');
    await registry?.stop();
    await rm(folder, {recursive: true, force: true, maxRetries: 5});
  });

  it('pushes to a registry that gives the same digest, and the same bytes the second time', async () => {
    expect(pushed).toMatchObject({reference, releases: [{device: 'shelf'}]});
    expect(await registry.digestOf('shop/shelves', 'v1')).toBe(pushed.digest);
    const again = await on('builder', ['store', 'push', reference, 'plans/shelf.yaml', '--plain-http']);
    expect(jsonOf<StorePushed>(again)).toEqual(pushed);
  });

  it('pulls on a machine with neither model nor key, and push and rollout ship it from there', async () => {
    await makeMachine('shipper');
    const pulled = jsonOf<StorePulled>(await pull('shipper', '--signed-by', pushed.keyId.slice(0, 16)));
    expect(pulled).toMatchObject({
      digest: pushed.digest,
      keyId: pushed.keyId,
      releases: pushed.releases,
      writtenPlans: ['shelf.yaml'],
      differingPlans: [],
    });
    expect(pulled.newBlobs).toBe(pulled.blobs);
    const shipped = await on('shipper', ['push', 'plans/shelf.yaml']);
    expect(shipped.exitCode, shipped.stdout).toBe(0);
    expect(jsonOf<PushResult>(shipped)).toMatchObject({
      outcome: 'activated',
      release: pushed.releases[0]!.release,
      health: {problems: []},
    });
    const rollout = await on('shipper', ['rollout', 'start']);
    expect(rollout.exitCode, rollout.stdout).toBe(0);
    expect(rollout.stdout).toContain('"unchanged"');
    const home = join(folder, 'shipper');
    expect(existsSync(join(home, '.config/edgewise')), 'no key was made').toBe(false);
  }, 120_000);

  it('fetches nothing that is there, and gc keeps it for as long as its plan is there', async () => {
    const again = jsonOf<StorePulled>(await pull('shipper', '--signed-by', pushed.keyId));
    expect(again).toMatchObject({newBlobs: 0, writtenPlans: []});
    expect((await on('shipper', ['gc'])).exitCode).toBe(0);
    expect(blobsOf('shipper')).toHaveLength(again.blobs);
    for (const named of ['plans', 'rollouts'])
      await rm(join(folder, 'shipper/project', named), {recursive: true});
    expect((await on('shipper', ['gc'])).exitCode).toBe(0);
    expect(blobsOf('shipper')).toEqual([]);
    expect(readdirSync(join(folder, 'shipper/project/.edgewise/pulled'))).toEqual([]);
  });

  it('by its digest, too', async () => {
    await makeMachine('exact');
    const exact = `oci://${registry.address}/shop/shelves@${pushed.digest}`;
    const ended = await on('exact', [
      'store',
      'pull',
      exact,
      '--plain-http',
      '--signed-by',
      pushed.keyId.slice(0, 16),
    ]);
    expect(jsonOf<StorePulled>(ended).digest).toBe(pushed.digest);
  });

  it('takes nothing from a signer that nobody named, or another than the one named', async () => {
    await makeMachine('wary');
    const unnamed = await pull('wary');
    expect([unnamed.exitCode, codeOf(unnamed)]).toEqual([11, 'signing-key-foreign']);
    expect(jsonOf<ErrorReport>(unnamed).error.hints[0]).toContain(pushed.keyId.slice(0, 16));
    const other = await pull('wary', '--signed-by', 'f'.repeat(64));
    expect([other.exitCode, codeOf(other)]).toEqual([11, 'signing-key-foreign']);
    const short = await pull('wary', '--signed-by', pushed.keyId.slice(0, 8));
    expect([short.exitCode, codeOf(short)]).toEqual([2, 'wrong-usage']);
    expect(blobsOf('wary')).toEqual([]);
  });

  it('says that a name is not there, and that nobody answers', async () => {
    const missing = await on('builder', ['store', 'pull', reference.replace(':v1', ':v9'), '--plain-http']);
    expect([missing.exitCode, codeOf(missing)]).toEqual([2, 'not-in-registry']);
    const nobody = `oci://127.0.0.1:${await findFreePort()}/shop/shelves`;
    const silent = await on('builder', ['store', 'push', nobody, '--plain-http']);
    expect([silent.exitCode, codeOf(silent)]).toEqual([11, 'registry-unreachable']);
    const tls = await on('builder', ['store', 'push', reference]);
    expect([tls.exitCode, codeOf(tls)]).toEqual([11, 'registry-unreachable']);
  });

  it('leaves credentials to the tool and never prints them', async () => {
    const refused = await on('builder', ['store', 'push', reference, '--plain-http'], {
      REGISTRY_AUTH_FILE: join(folder, 'none.json'),
      DOCKER_CONFIG: join(folder, 'none'),
    });
    expect([refused.exitCode, codeOf(refused)]).toEqual([11, 'registry-refused']);
    const inName = reference.replace('oci://', `oci://pusher:${registry.password}@`);
    const named = await on('builder', ['store', 'push', inName]);
    expect([named.exitCode, codeOf(named)]).toEqual([2, 'invalid-oci-reference']);
    for (const {stdout, stderr} of [refused, named]) expect(stdout + stderr).not.toContain(registry.password);
  });

  it('names the tools that are missing and the way to get them', async () => {
    const {exitCode, stdout} = await on('builder', ['store', 'push', reference], {
      PATH: dirname(process.execPath),
    });
    const {error} = JSON.parse(stdout) as ErrorReport;
    expect([exitCode, error.code]).toEqual([12, 'registry-tool-missing']);
    expect(error.hints[0]).toBe('apt-get install skopeo');
  });

  it.skipIf(!isProgramInstalled(other))('is read by the other tool', async () => {
    const ended = await on('builder', ['store', 'pull', reference, '--plain-http'], {PATH: pathWith(other)});
    expect(ended.exitCode, ended.stdout).toBe(0);
    expect(jsonOf<StorePulled>(ended).digest).toBe(pushed.digest);
  });

  it('refuses what was changed and hashed anew: the signature is over the old', async () => {
    const layout = join(folder, 'forged');
    const run = (...args: string[]) =>
      execFileSync('skopeo', ['copy', '--all', '--preserve-digests', '--quiet', ...args], {
        env: {...process.env, REGISTRY_AUTH_FILE: registry.authFile},
      });
    const docker = `docker://${registry.address}/shop/shelves`;
    run('--src-tls-verify=false', `${docker}:v1`, `oci:${layout}:v1`);
    const at = (digest: string): string => join(layout, 'blobs/sha256', digest.slice('sha256:'.length));
    const keep = async (value: unknown): Promise<{digest: string; size: number}> => {
      const text = JSON.stringify(value);
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
      await writeFile(at(digest), text);
      return {digest, size: text.length};
    };
    interface Linked {
      digest: string;
    }
    const read = async <T>(digest: string): Promise<T> => JSON.parse(await readFile(at(digest), 'utf8')) as T;
    const top = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {manifests: [Linked]};
    const index = await read<{manifests: [Linked]}>(top.manifests[0].digest);
    const [shipment] = index.manifests;
    const manifest = await read<{config: Linked}>(shipment.digest);
    const signed = await read<{envelope: {payload: string}}>(manifest.config.digest);
    const document = Buffer.from(signed.envelope.payload, 'base64').toString('utf8');
    signed.envelope.payload = Buffer.from(document.replace('"tolerance":0.01', '"tolerance":0.99')).toString(
      'base64',
    );
    Object.assign(manifest.config, await keep(signed));
    Object.assign(shipment, await keep(manifest));
    Object.assign(top.manifests[0], await keep(index));
    await writeFile(join(layout, 'index.json'), JSON.stringify(top));
    run('--dest-tls-verify=false', `oci:${layout}:v1`, `${docker}:forged`);
    const ended = await on('wary', [
      ...['store', 'pull', reference.replace(':v1', ':forged'), '--plain-http'],
      ...['--signed-by', pushed.keyId],
    ]);
    expect([ended.exitCode, codeOf(ended)]).toEqual([10, 'signature-invalid']);
    expect(blobsOf('wary')).toEqual([]);
  });

  it('refuses what was tampered with on the disk of the registry, and takes none of it', async () => {
    const sizeOf = (hex: string): number =>
      statSync(join(folder, 'exact/project/.edgewise/store/sha256', hex)).size;
    const [largest] = blobsOf('exact').toSorted((a, b) => sizeOf(b) - sizeOf(a));
    const file = await open(registry.blobFile(`sha256:${largest}`), 'r+');
    const {buffer} = await file.read(Buffer.alloc(1), 0, 1, 0);
    await file.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, 0);
    await file.close();
    const ended = await pull('wary', '--signed-by', pushed.keyId);
    expect([ended.exitCode, codeOf(ended)]).toEqual([12, 'blob-corrupted']);
    expect(blobsOf('wary')).toEqual([]);
    expect(existsSync(join(folder, 'wary/project/plans'))).toBe(false);
  });
});
