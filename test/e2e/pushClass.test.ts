import {existsSync} from 'node:fs';
import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {stringify} from 'yaml';
import type {MembersPushed} from '../../src/workflows/pushMembers.ts';
import type {PushResult} from '../../src/workflows/push.ts';
import {findFreePort} from '../integration/freePort.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

let folder: string;
const edgewise = (...args: string[]): Promise<Ended> =>
  runEdgewise(args, {cwd: join(folder, 'project'), home: folder});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-push-class-'));
  await mkdir(join(folder, 'project'));
  await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'project/pictures.onnx'));
  const labels = {place: 'shelf'};
  await writeFile(
    join(folder, 'project/edgewise.yaml'),
    stringify({
      kind: 'edgewise/project',
      formatVersion: 1,
      model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
      devices: [
        {name: 'shelf-0', address: '127.0.0.1', port: await findFreePort(), labels},
        {name: 'shelf-1', address: 'local', endpointPort: await findFreePort(), labels},
      ],
      groups: [{name: 'shelves', selector: labels}],
    }),
  );
  for (const args of [['profile', 'shelf-1', '--runs', '3', '--sustained-seconds', '0'], ['plan']]) {
    const ended = await edgewise(...args);
    expect(ended.exitCode, ended.stderr).toBe(0);
  }
}, 120_000);

afterAll(async () => {
  const pidFile = join(folder, '.edgewise/supervisor.pid');
  if (existsSync(pidFile)) process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGTERM');
  await rm(folder, {recursive: true, force: true, maxRetries: 5});
});

it("brings a class's plan to all of its devices, and passes over those that cannot be reached", async () => {
  const ended = await edgewise('push', 'plans/shelves.yaml', '--json');
  expect(ended.exitCode, ended.stdout).toBe(11);
  const {pushes, unreachable} = jsonOf<MembersPushed>(ended);
  expect(pushes.map(({device, outcome}) => [device, outcome])).toEqual([['shelf-1', 'activated']]);
  expect(unreachable.map(({device}) => device)).toEqual(['shelf-0']);
}, 120_000);

it('brings it to those named alone, and changes nothing the second time', async () => {
  const ended = await edgewise('push', 'plans/shelves.yaml', 'shelf-1', '--json');
  expect(ended.exitCode, ended.stdout).toBe(0);
  expect(jsonOf<PushResult>(ended)).toMatchObject({device: 'shelf-1', outcome: 'unchanged'});
}, 120_000);

it('tells events as they happen, one JSON document a line, the result last', async () => {
  const ended = await edgewise('push', 'plans/shelves.yaml', '--output', 'ndjson');
  expect(ended.exitCode, ended.stderr).toBe(11);
  const lines = ended.stdout.trimEnd().split('\n');
  const events = lines.map(line => JSON.parse(line) as {kind: string; result?: MembersPushed});
  expect(events.map(({kind}) => kind)).toContain('step-ended');
  expect(events.filter(({kind}) => kind === 'result')).toEqual([events.at(-1)]);
  expect(events.at(-1)?.result?.pushes).toMatchObject([{device: 'shelf-1', outcome: 'unchanged'}]);
  // The steps for people stay on stderr, without colours where nobody watches.
  expect(ended.stderr).not.toBe('');
  expect(ended.stdout + ended.stderr).not.toContain('\u001b[');
}, 120_000);

it('refuses a device that the plan is not for', async () => {
  const {exitCode, stderr} = await edgewise('push', 'plans/shelves.yaml', 'lobby');
  expect(exitCode).toBe(2);
  expect(stderr).toContain('plans/shelves.yaml is not for lobby; it is for shelf-0, shelf-1.');
});
