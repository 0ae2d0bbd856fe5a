import {execFile, spawn, type ChildProcess} from 'node:child_process';
import {existsSync} from 'node:fs';
import {cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {openProtocolClient} from '../../src/runtime/client.ts';
import {findFreePort} from './freePort.ts';
import {activateRelease, readState, repositoryRoot, runtimeProgram, waitForState} from './agentHome.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {createHandoverModels} from '../../src/workflows/handoverModels.ts';
import {arithmeticModel, floats, numbersOf} from './smallModels.ts';

const run = promisify(execFile);
let home: string;
let port: number;
let bare: string;
const started: ChildProcess[] = [];
const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';

const release = (id: string, constant: number) => ({
  id,
  port,
  inputs: ['x'],
  outputs: ['y'],
  head: {graph: arithmeticModel('Add', constant), inputs: ['x'], outputs: ['y']},
});

/** A folder as on a device: the bundle, Node and the files of ONNX Runtime for this machine, and nothing else. */
beforeAll(async () => {
  bare = await mkdtemp(join(tmpdir(), 'edgewise-bare-'));
  await run(process.execPath, [join(repositoryRoot, 'bin/bundle-runtime.js'), bare]);
  const binaries = `bin/napi-v6/${process.platform}/${process.arch}`;
  for (const [name, parts] of [
    ['onnxruntime-node', ['package.json', 'dist', binaries]],
    ['onnxruntime-common', ['package.json', 'dist']],
  ] as const) {
    for (const part of parts) {
      await cp(join(repositoryRoot, 'node_modules', name, part), join(bare, 'node_modules', name, part), {
        recursive: true,
      });
    }
  }
  await mkdir(join(bare, 'bin'));
  await symlink(process.execPath, join(bare, 'bin/node'));
});
afterAll(() => rm(bare, {recursive: true, force: true}));

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'edgewise-home-'));
  port = await findFreePort();
});
afterEach(async () => {
  for (const child of started.splice(0)) await end(child);
  await rm(home, {recursive: true, force: true});
});

function start(argv: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, argv, {stdio: ['ignore', 'pipe', 'pipe']});
  started.push(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

async function ask(): Promise<number> {
  const client = openProtocolClient(`http://127.0.0.1:${port}`);
  try {
    const {outputs} = await client.infer('net', {inputs: {x: floats([1, 4], [1, 2, 3, 4])}});
    return numbersOf(outputs['y'])[0]!;
  } finally {
    client.close();
  }
}

async function waitUntilGone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise(resolve => setTimeout(resolve, 20));
}

describe('the agent as a process', () => {
  it('runs in a bare folder, reloads on SIGHUP and ends on SIGTERM', async () => {
    await activateRelease(home, release(A, 1));
    const child = start([join(bare, 'edgewise.mjs'), 'agent', '--home', home]);
    const {pid} = await waitForState(home, state => state.release === A);
    expect(pid).toBe(child.pid);
    expect(await ask()).toBe(2);
    await activateRelease(home, release(B, 20));
    child.kill('SIGHUP');
    const state = await waitForState(home, ({release: id}) => id === B);
    expect(state).toMatchObject({pid, attempts: 2, status: 'serving'});
    expect(state.bootId).toBe((await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim());
    expect(await ask()).toBe(21);
    const ended = new Promise<number | null>(resolve => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});

describe('the supervisor', () => {
  const supervise = () => run(process.execPath, [runtimeProgram, 'supervise', '--home', home]);

  it('detaches, starts the agent again when it dies, passes SIGHUP on, and takes it along when it ends', async () => {
    await activateRelease(home, release(A, 1));
    const {stdout} = await supervise();
    const {pid, isNew} = JSON.parse(stdout) as {pid: number; isNew: boolean};
    try {
      expect(isNew).toBe(true);
      expect(Number(await readFile(join(home, 'supervisor.pid'), 'utf8'))).toBe(pid);
      const first = await waitForState(home, state => state.status === 'serving');

      const again = JSON.parse((await supervise()).stdout) as unknown;
      expect(again).toEqual({pid, isNew: false});

      process.kill(first.pid, 'SIGKILL');
      const second = await waitForState(home, state => state.pid !== first.pid && state.status === 'serving');
      expect(await ask()).toBe(2);

      await activateRelease(home, release(B, 20));
      process.kill(pid, 'SIGHUP');
      await waitForState(home, state => state.release === B);
      expect(await ask()).toBe(21);

      process.kill(pid, 'SIGTERM');
      await waitUntilGone(pid);
      expect(existsSync(`/proc/${second.pid}`)).toBe(false);
      expect(existsSync(join(home, 'supervisor.pid'))).toBe(false);
    } finally {
      for (const left of [pid, readState(home)?.pid]) {
        const argv = await readFile(`/proc/${left}/cmdline`, 'utf8').catch(() => '');
        if (left !== undefined && argv.includes(home)) process.kill(left, 'SIGKILL');
      }
    }
  });

  it('takes over a home whose supervisor is gone, even if its pid belongs to another program now', async () => {
    await activateRelease(home, release(A, 1));
    await writeFile(join(home, 'supervisor.pid'), `${process.pid}\n`);
    const child = start([runtimeProgram, 'supervise', '--foreground', '--home', home]);
    await waitForState(home, state => state.status === 'serving');
    expect(Number(await readFile(join(home, 'supervisor.pid'), 'utf8'))).toBe(child.pid);
  });
});

describe('the program', () => {
  it('serves a repository and profiles a model with the link to it, from a bare folder', async () => {
    const repository = join(home, 'models');
    await mkdir(join(repository, 'm/1'), {recursive: true});
    const model = join(repository, 'm/1/model.onnx');
    await writeFile(model, arithmeticModel('Mul', 2));
    const server = start([
      join(bare, 'edgewise.mjs'),
      'serve',
      '--port',
      '0',
      '--model-repository',
      repository,
    ]);
    const line = await new Promise<string>(resolve =>
      server.stdout!.once('data', chunk => resolve(String(chunk))),
    );
    const listening = JSON.parse(line) as {host: string; port: number};
    expect(listening.host).toBe('127.0.0.1');
    const {gives, keeps} = createHandoverModels();
    await writeFile(join(bare, 'gives.onnx'), bytesFromModel(gives));
    await writeFile(join(bare, 'keeps.onnx'), bytesFromModel(keeps));
    const argv = [
      'profile',
      '--handover-models',
      bare,
      '--model',
      model,
      '--runs',
      '7',
      '--warm-ups',
      '1',
      '--link-seconds',
      '4',
      '--peers',
      `near http://127.0.0.1:${listening.port},far http://localhost:${listening.port}`,
    ];
    const {stdout, stderr} = await run(process.execPath, [join(bare, 'edgewise.mjs'), ...argv]);
    expect(stderr).toBe('');
    const profile = JSON.parse(stdout) as {
      layers: {operator: string}[];
      wholeRun: {runs: number};
      requestOverhead: {medianMs: number; runs: number};
      links: {
        to: string;
        fixedMs: number;
        roundTripMs: number;
        upBytesPerSecond: number;
        handover: {fixedMs: number; nsPerByte: number; samples: number};
      }[];
    };
    expect(profile.layers.map(({operator}) => operator)).toEqual(['Mul']);
    expect([profile.wholeRun.runs, profile.requestOverhead.runs]).toEqual([7, 35]);
    expect(profile.links.map(({to}) => to)).toEqual(['near', 'far']);
    expect(profile.requestOverhead.medianMs).toBeGreaterThan(0);
    for (const link of profile.links) {
      expect(link.roundTripMs).toBeGreaterThan(0);
      expect(link.upBytesPerSecond).toBeGreaterThan(1e6);
      // No fewer than six of each of the four kinds of request.
      expect(link.handover.samples).toBeGreaterThanOrEqual(24);
      expect(link.handover.fixedMs).toBeGreaterThanOrEqual(0);
      // 100 ns a byte would be 10 MB/s: slower than any memory.
      expect(link.handover.nsPerByte).toBeLessThan(100);
    }
    await end(server);
    expect(server.exitCode).toBe(0);
  });

  it.each([
    [['nonsense'], 2, 'wrong-usage'],
    [['profile', '--model', '/nowhere.onnx', '--runs', '0'], 2, 'wrong-usage'],
    [['profile', '--model', '/nowhere.onnx'], 2, 'no-such-file'],
    [['serve', '--model-repository', '/tmp', '--bogus'], 2, 'wrong-usage'],
  ])('answers %j with exit code %i and one JSON document', async (argv, exitCode, code) => {
    const failure = await run(process.execPath, [runtimeProgram, ...argv]).then(
      () => null,
      (error: unknown) => error as {code: number; stdout: string; stderr: string},
    );
    expect(failure).toMatchObject({code: exitCode, stdout: ''});
    expect(JSON.parse(failure!.stderr)).toMatchObject({error: {code}});
  });
});
