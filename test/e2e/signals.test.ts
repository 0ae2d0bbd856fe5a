import {spawn} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {stringify} from 'yaml';
import type {RolloutSummary} from '../../src/documents/rollout.ts';
import {listJournals, readJournal} from '../../src/workspace/rolloutJournal.ts';
import type {PushResult} from '../../src/workflows/push.ts';
import {findFreePort} from '../integration/freePort.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

const ENDS_WITHIN_MS = 20_000;

let folder: string;
let project: string;
const edgewise = (...args: string[]): Promise<Ended> => runEdgewise(args, {cwd: project, home: folder});
const mustRun = async (...args: string[]): Promise<Ended> => {
  const ended = await edgewise(...args);
  expect(ended.exitCode, ended.stderr + ended.stdout).toBe(0);
  return ended;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-signals-'));
  project = join(folder, 'project');
  await mkdir(project);
  await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(project, 'pictures.onnx'));
  await writeFile(
    join(project, 'edgewise.yaml'),
    stringify({
      kind: 'edgewise/project',
      formatVersion: 1,
      model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
      devices: [{name: 'shelf', address: 'local', endpointPort: await findFreePort()}],
      rollout: {waves: ['100%'], soakSeconds: 3, gates: {minSamples: 5, p95ToPrediction: 100}},
    }),
  );
  await mustRun('profile', '--runs', '3', '--sustained-seconds', '0', '--link-seconds', '1');
  await mustRun('plan');
}, 120_000);

afterAll(async () => {
  const pidFile = join(folder, '.edgewise/supervisor.pid');
  if (existsSync(pidFile)) process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGTERM');
  await rm(folder, {recursive: true, force: true, maxRetries: 5});
});

const says =
  (text: string) =>
  (output: string): boolean =>
    output.includes(text);

/** Sends the signal when it is time, from what the command has said; what it has said until it ended by that signal. */
async function interrupt(
  args: readonly string[],
  isTime: (output: string) => boolean,
  signal: NodeJS.Signals,
): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, 'bin/run.js'), ...args], {
    cwd: project,
    env: {PATH: process.env['PATH'] ?? '', HOME: folder, NO_COLOR: '1'},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let sentAtMs: number | null = null;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const look = setInterval(() => {
    if (sentAtMs !== null || !isTime(output)) return;
    sentAtMs = performance.now();
    child.kill(signal);
  }, 5);
  const by = await new Promise<string>(resolve =>
    child.once('close', (code, endedBy) => resolve(endedBy ?? `exit ${code}`)),
  );
  clearInterval(look);
  // What a shell reports as 130 or 143.
  expect(by, output).toBe(signal);
  expect(performance.now() - (sentAtMs ?? 0), output).toBeLessThan(ENDS_WITHIN_MS);
  return output;
}

function temporaryFolders(): string[] {
  const parent = join(project, '.edgewise/tmp');
  return existsSync(parent) ? readdirSync(parent) : [];
}

/** Nothing half-done on this machine, and nobody keeps the device from being worked on. */
async function expectNothingLeft(): Promise<void> {
  expect(temporaryFolders()).toEqual([]);
  for (const file of await listJournals(join(project, 'rollouts'))) {
    const text = await readFile(file, 'utf8');
    expect(text.endsWith('\n'), text).toBe(true);
    await readJournal(file);
  }
  const locks = join(folder, '.edgewise/locks');
  for (const name of await readdir(locks).catch(() => []))
    expect(await readFile(join(locks, name), 'utf8'), name).toMatch(/^- /);
}

it.each([
  ['plan', 'SIGINT'],
  ['plan', 'SIGTERM'],
  ['compile', 'SIGINT'],
  ['compile', 'SIGTERM'],
] as const)(
  '%s ends at once by %s, and leaves nothing',
  async (command, signal) => {
    const plansBefore = await readFile(join(project, 'plans/shelf.yaml'), 'utf8');
    await rm(join(project, '.edgewise/cache'), {recursive: true, force: true});
    await interrupt([command], () => temporaryFolders().length > 0, signal);
    await expectNothingLeft();
    expect(await readFile(join(project, 'plans/shelf.yaml'), 'utf8')).toBe(plansBefore);
  },
  60_000,
);

it('a rollout that is interrupted while it stages, switches and soaks is finished by the last resume', async () => {
  await interrupt(['rollout', 'start', '--output', 'ndjson'], says('shelf: send'), 'SIGTERM');
  await expectNothingLeft();
  await interrupt(['rollout', 'resume', '--output', 'ndjson'], says('shelf: switch'), 'SIGINT');
  await expectNothingLeft();
  const output = await interrupt(
    ['rollout', 'resume', '--output', 'ndjson'],
    says('wave 1: soak'),
    'SIGTERM',
  );
  // Whoever follows gets whole lines only.
  for (const line of output.split('\n').filter(each => each.startsWith('{'))) JSON.parse(line);
  await expectNothingLeft();
  const {outcome, devices} = jsonOf<RolloutSummary>(await mustRun('rollout', 'resume', '--json'));
  expect({outcome, phases: devices.map(({phase}) => phase)}).toEqual({
    outcome: 'complete',
    phases: ['confirmed'],
  });
}, 120_000);

it('a push that is interrupted while it sends and while it switches is done by the next one', async () => {
  await mustRun('plan');
  await interrupt(['push', 'plans/shelf.yaml', '--output', 'ndjson'], says('send release'), 'SIGTERM');
  await expectNothingLeft();
  await interrupt(['push', 'plans/shelf.yaml', '--output', 'ndjson'], says('shelf: activate'), 'SIGINT');
  await expectNothingLeft();
  const {outcome} = jsonOf<PushResult>(await mustRun('push', 'plans/shelf.yaml', '--json'));
  expect(outcome).toBe('activated');
}, 120_000);
