import {execFile, spawn} from 'node:child_process';
import {accessSync} from 'node:fs';
import {mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {
  readLabLinkStatistics,
  readLabStatus,
  setLabCloud,
  setLabLink,
  startLab,
  stopLab,
  type LabSpec,
  type LabState,
} from '../../src/lab/lab.ts';
import {isAlive} from './sshServers.ts';

const execFileAsync = promisify(execFile);

/** A cloud as small as can be: an HTTP server that tells its port. */
const CLOUD = `const server = require('node:http').createServer((request, response) => response.end('cloud'));
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log(JSON.stringify({event: 'listening', port: server.address().port})));
process.stdin.resume().on('end', () => {});`;

const SPEC: LabSpec = {
  devices: [{name: 'pi-1', slowdown: 4, cores: 1}],
  link: {mbitPerSecond: 10, roundTripMs: 40},
  cloudCommand: [process.execPath, '-e', CLOUD, '{port}'],
};

let directory: string;

beforeEach(async () => {
  // A blank and a percent sign, as folders of people have them.
  directory = join(await mkdtemp(join(tmpdir(), 'edgewise lab 100%-')), 'lab');
});
afterEach(async () => {
  await stopLab(directory);
  await rm(join(directory, '..'), {recursive: true, force: true});
});

async function up(spec: Partial<LabSpec> = {}): Promise<LabState> {
  return (await startLab({...SPEC, ...spec}, {directory})).state;
}

function runOn(device: string, command: string): Promise<{stdout: string; stderr: string}> {
  return execFileAsync('ssh', ['-F', join(directory, 'ssh_config'), '-o', 'BatchMode=yes', device, command]);
}

async function fetchText(url: string): Promise<string> {
  // A connection of its own each time: what was kept alive must not hide that the way is closed.
  const response = await fetch(url, {headers: {connection: 'close'}, signal: AbortSignal.timeout(20_000)});
  return response.text();
}

/** Processes that carry the lab's marker or belong to its daemon. */
async function listProcesses(state: LabState): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const belongs = await Promise.all(
    pids.map(async pid => {
      const [environ, cmdline] = await Promise.all(
        ['environ', 'cmdline'].map(name => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')),
      );
      return `${environ ?? ''} ${cmdline ?? ''}`.includes(state.id) || pid === state.pid;
    }),
  );
  return pids.filter((_, index) => belongs[index]);
}

async function expectNothingLeft(state: LabState): Promise<void> {
  await vi.waitFor(async () => expect(await listProcesses(state)).toEqual([]), {
    timeout: 15_000,
    interval: 100,
  });
}

const hasSsh = ((): boolean => {
  try {
    accessSync('/usr/bin/ssh');
    return true;
  } catch {
    console.warn('lab: what needs the ssh program is left out, it is not installed here');
    return false;
  }
})();

describe('a lab', () => {
  it('starts, answers through the link, and leaves no process when it is stopped', async () => {
    const state = await up();
    expect(await readLabStatus(directory)).toEqual({kind: 'running', state});
    expect(await fetchText(state.cloud?.url ?? '')).toBe('cloud');
    expect(await fetchText(state.cloud?.managementUrl ?? '')).toBe('cloud');
    expect((await readLabLinkStatistics(directory))?.totalConnections).toBe(1);
    expect((await listProcesses(state)).length).toBeGreaterThanOrEqual(4);
    expect(await stopLab(directory)).toEqual({kind: 'stopped'});
    await expectNothingLeft(state);
    expect(await readLabStatus(directory)).toEqual({kind: 'stopped'});
    expect(await stopLab(directory)).toEqual({kind: 'not-running'});
  });

  it('changes nothing when it is started a second time', async () => {
    const state = await up();
    const again = await startLab({...SPEC, link: {mbitPerSecond: 99, roundTripMs: 1}}, {directory});
    expect(again).toEqual({kind: 'already-running', state});
    const two = await Promise.all([startLab(SPEC, {directory}), startLab(SPEC, {directory})]);
    expect(two.map(({kind}) => kind)).toEqual(['already-running', 'already-running']);
  });

  it('is started once when two start it at the same time', async () => {
    const both = await Promise.all([startLab(SPEC, {directory}), startLab(SPEC, {directory})]);
    expect(both.map(({kind}) => kind).sort()).toEqual(['already-running', 'started']);
    expect(both[0]?.state).toEqual(both[1]?.state);
  });

  it.skipIf(!hasSsh)('keeps ports, keys and what is on the devices over down and up', async () => {
    const first = await up();
    await runOn('pi-1', 'echo kept > note; pwd');
    await stopLab(directory);
    const second = await up();
    expect(second.devices).toEqual(first.devices);
    expect(second.link.port).toBe(first.link.port);
    expect(second.cloud?.managementUrl).toBe(first.cloud?.managementUrl);
    expect((await runOn('pi-1', 'cat note; pwd')).stdout).toBe(`kept\n${second.devices[0]?.home}\n`);
  });

  it.skipIf(!hasSsh)('ends what the devices daemonised when it is stopped', async () => {
    const state = await up();
    const {stdout} = await runOn(
      'pi-1',
      'setsid sh -c "trap : TERM HUP; while :; do sleep 0.05; done" >/dev/null 2>&1 & echo $!',
    );
    const daemon = Number(stdout);
    expect(await isAlive(daemon)).toBe(true);
    await stopLab(directory);
    expect(await isAlive(daemon)).toBe(false);
    await expectNothingLeft(state);
  });

  it.skipIf(!hasSsh)(
    'is recognised as dead when its daemon was killed, takes everything with it, and starts again',
    async () => {
      const state = await up();
      const {stdout} = await runOn('pi-1', 'setsid sleep 1000 >/dev/null 2>&1 & echo $!');
      process.kill(state.pid, 'SIGKILL');
      await vi.waitFor(async () => expect((await readLabStatus(directory)).kind).toBe('died'), 10_000);
      await expectNothingLeft(state);
      expect(await isAlive(Number(stdout))).toBe(false);
      const again = await startLab(SPEC, {directory});
      expect(again.kind).toBe('started');
      expect(again.state.devices).toEqual(state.devices);
    },
  );

  it('ends by itself when its folder is removed', async () => {
    const state = await up();
    await rm(directory, {recursive: true, force: true});
    await expectNothingLeft(state);
  });

  it('is private to the user', async () => {
    await up();
    const modes = async (path: string): Promise<string[]> => {
      const found = await stat(path);
      const own = (found.mode & 0o077) === 0 ? [] : [`${path} ${(found.mode & 0o777).toString(8)}`];
      if (!found.isDirectory()) return own;
      const inside = await Promise.all((await readdir(path)).map(name => modes(join(path, name))));
      return [...own, ...inside.flat()];
    };
    expect(await modes(directory)).toEqual([]);
  });

  it.skipIf(!hasSsh)('shows a device with one core as one with one core', async () => {
    await up();
    expect((await runOn('pi-1', 'nproc')).stdout).toBe('1\n');
  });

  it('changes its link and its cloud while it runs', async () => {
    const state = await up();
    const url = state.cloud?.url ?? '';
    await setLabLink(directory, {roundTripMs: 300});
    const startMs = performance.now();
    expect(await fetchText(url)).toBe('cloud');
    expect(performance.now() - startMs).toBeGreaterThan(590);
    expect((await readLabStatus(directory)) as object).toMatchObject({state: {link: {roundTripMs: 300}}});
    await setLabLink(directory, {roundTripMs: 10});
    await setLabCloud(directory, false);
    await expect(fetchText(url)).rejects.toThrow();
    await setLabCloud(directory, true);
    expect(await fetchText(url)).toBe('cloud');
  });

  it('works in a folder whose path is too long for a socket', async () => {
    const outer = join(directory, '..');
    directory = join(outer, 'x'.repeat(120), 'lab');
    await mkdir(directory, {recursive: true});
    const state = await up();
    await setLabLink(directory, {roundTripMs: 20});
    await stopLab(directory);
    await expectNothingLeft(state);
    directory = join(outer, 'lab');
  });
});

describe('a lab that cannot be had is refused in clear words', () => {
  it('because a port it had before is taken', async () => {
    const state = await up();
    await stopLab(directory);
    const port = state.devices[0]?.port ?? 0;
    const taker = createServer();
    await new Promise<void>(resolve => taker.listen(port, '127.0.0.1', resolve));
    await expect(up()).rejects.toMatchObject({
      code: 'port-taken',
      exitCode: 12,
      message: expect.stringContaining(`${port}`) as string,
    });
    expect((await readLabStatus(directory)).kind).toBe('stopped');
    await new Promise(resolve => taker.close(resolve));
    await up();
  });

  for (const [name, command, words] of [
    [
      'because the cloud ends at once',
      ['/bin/sh', '-c', 'echo no model here >&2; exit 4'],
      /status 4.*no model here/,
    ],
    ['because there is no such program', ['/nowhere/cloud'], /did not start/],
  ] as const) {
    it(name, async () => {
      const refused = up({cloudCommand: [...command]});
      await expect(refused).rejects.toMatchObject({
        code: 'lab-cloud-failed',
        message: expect.stringMatching(words) as string,
      });
      expect((await readLabStatus(directory)).kind).toBe('stopped');
    });
  }

  it('because the spec makes no sense, all problems at once', async () => {
    const refused = startLab(
      {
        devices: [
          {name: 'a b', slowdown: 0.5, cores: 1},
          {name: 'x', slowdown: 2, cores: 1},
          {name: 'x', slowdown: 2, cores: 1},
        ],
        link: {mbitPerSecond: 0, roundTripMs: 1},
        cloudCommand: null,
      },
      {directory},
    );
    await expect(refused).rejects.toMatchObject({
      code: 'lab-spec-invalid',
      exitCode: 2,
      message: expect.stringMatching(
        /devices\.0\.name.*devices\.0\.slowdown.*mbitPerSecond.*x is there twice/s,
      ) as string,
    });
  });

  it('because nothing is running', async () => {
    await expect(setLabLink(directory, {roundTripMs: 1})).rejects.toMatchObject({code: 'lab-not-running'});
  });
});

it('a lab without a cloud has devices only', async () => {
  const state = await up({cloudCommand: null});
  expect(state.cloud).toBeNull();
  expect(state.link.port).toBeNull();
  expect(await readLabLinkStatistics(directory)).toBeNull();
  await setLabCloud(directory, true);
});

it("does not take another user's process for its daemon when the pid was used again", async () => {
  const state = await up({cloudCommand: null});
  await stopLab(directory);
  const bystander = spawn('sleep', ['100'], {stdio: 'ignore'});
  // The same pid with another start time: what a state file looks like after a reboot.
  await writeFile(
    join(directory, 'state.json'),
    JSON.stringify({...state, pid: bystander.pid, startTime: 1}),
  );
  expect((await readLabStatus(directory)).kind).toBe('died');
  await stopLab(directory);
  expect(await isAlive(bystander.pid ?? 0)).toBe(true);
  bystander.kill();
});

it('leaves a port free for others that it does not need', async () => {
  const state = await up({cloudCommand: null});
  await stopLab(directory);
  const taker = createServer();
  await new Promise<void>(resolve => taker.listen(state.devices[0]?.port, '127.0.0.1', resolve));
  expect((taker.address() as AddressInfo).port).toBe(state.devices[0]?.port);
  await new Promise(resolve => taker.close(resolve));
});
