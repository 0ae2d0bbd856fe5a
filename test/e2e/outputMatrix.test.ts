import {spawn, spawnSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

// The same command at a terminal, into a pipe, in CI, without colours and as JSON: the same verdict, and nothing in the
// output that does not belong there.

const ESCAPE = '\u001B';
const COLOUR = new RegExp(`${ESCAPE}\\[[0-9;]*m`);
/** Lies in the home's path: whatever prints the home prints this. */
const SECRET = 'home-of-somebody';

const COSTS = {
  kind: 'edgewise/costs',
  formatVersion: 1,
  tiers: ['device', 'cloud'],
  layers: [{name: 'a', timeMs: {device: 5, cloud: 1}}],
  tensors: [
    {name: 'x', bytes: 1000, producer: null, consumers: ['a'], isOutput: false},
    {name: 'y', bytes: 1000, producer: 'a', consumers: [], isOutput: true},
  ],
  links: [{from: 'device', to: 'cloud', upMbitPerSecond: 10, downMbitPerSecond: 10, roundTripMs: 10}],
};

const PROJECT = `kind: edgewise/project
formatVersion: 1
model: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}
devices:
  - {name: here, address: local}
`;

/** What is asked, whether it prints JSON, and how it ends. */
const ASKED: readonly (readonly [args: string, exitCode: number])[] = [
  ['inspect pictures.onnx', 0],
  ['plan --from-costs costs.json', 0],
  ['plan --from-costs absent.json', 2],
  ['inspect absent.onnx', 10],
  ['compile', 0],
  ['plan here', 2],
  ['explain absent.yaml', 2],
  ['evaluate absent.yaml', 2],
  ['keys show', 2],
  ['rollout status', 2],
  ['inspect', 2],
  ['inspekt', 2],
  ['devices', 0],
  ['doctor absent', 2],
  ['gc --dry-run', 0],
  ['bench here', 14],
  ['infer here', 2],
  ['init', 2],
  ['profile absent', 2],
  ['push absent.yaml', 2],
  ['quickstart --model absent.onnx', 2],
  ['serve absent', 2],
  ['export kserve absent.yaml --storage-uri s3://a/b', 2],
  ['export ray absent.yaml', 2],
  ['export triton absent.yaml', 2],
  ['lab up --slowdown 0', 2],
  ['lab status', 1],
  ['lab cloud stop', 12],
  ['lab link --up', 2],
  ['lab down', 0],
  ['rollout start', 2],
  ['rollout resume', 2],
  ['rollout approve', 2],
  ['rollout abort', 2],
  ['rollout rollback', 2],
  ['rollout history', 0],
  ['store push nonsense', 2],
  ['store pull nonsense', 2],
];
/** Asked by itself: the second time it has another answer. */
const ONCE = 'keys create';

const hasScript = spawnSync('script', ['--version']).status === 0;

async function commandNames(): Promise<string[]> {
  const text = await readFile(join(ROOT, 'oclif.manifest.json'), 'utf8');
  return Object.keys((JSON.parse(text) as {commands: Record<string, unknown>}).commands);
}

describe('what is printed', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-matrix-'));
    await mkdir(join(folder, SECRET));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
    await writeFile(join(folder, 'costs.json'), JSON.stringify(COSTS));
    await writeFile(join(folder, 'edgewise.yaml'), PROJECT);
  });
  afterAll(() => rm(folder, {recursive: true, force: true}));

  const run = (args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> =>
    runEdgewise(args, {cwd: folder, home: join(folder, SECRET), environment: {NO_COLOR: '', ...environment}});

  /** At a terminal of 80 columns, both streams on it. */
  const runAtTerminal = async (
    args: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<Ended> => {
    const log = join(folder, `terminal-${randomUUID()}.log`);
    const command = ['node', join(ROOT, 'bin/run.js'), ...args].map(word => `'${word}'`).join(' ');
    const terminal = spawn('script', ['-q', '-e', '-c', command, log], {
      cwd: folder,
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        HOME: join(folder, SECRET),
        TERM: 'xterm-256color',
        SHELL: '/bin/sh',
        ...environment,
      },
    });
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      terminal.on('error', reject);
      terminal.on('exit', resolve);
    });
    return {exitCode, stdout: await readFile(log, 'utf8'), stderr: ''};
  };

  it.each(ASKED)('by "%s"', async (line, exitCode) => {
    const args = line.split(' ');
    const [piped, inCi, asJson] = await Promise.all([
      run(args),
      run(args, {CI: 'true'}),
      run([...args, '--json']),
    ]);
    expect([piped.exitCode, inCi.exitCode, asJson.exitCode]).toEqual([exitCode, exitCode, exitCode]);
    for (const {stdout, stderr} of [piped, inCi, asJson]) {
      expect(stdout + stderr).not.toContain(ESCAPE);
      expect(stdout + stderr).not.toContain(SECRET);
    }
    expect(JSON.parse(asJson.stdout)).toEqual(expect.any(Object));
    // 1 is an answer that is no.
    if (exitCode > 1) expect(JSON.parse(asJson.stdout)).toHaveProperty('error.code');
  });

  it.runIf(hasScript).each(ASKED)('at a terminal by "%s"', async (line, exitCode) => {
    const args = line.split(' ');
    const [coloured, plain] = await Promise.all([runAtTerminal(args), runAtTerminal(args, {NO_COLOR: '1'})]);
    expect([coloured.exitCode, plain.exitCode]).toEqual([exitCode, exitCode]);
    expect(plain.stdout).not.toMatch(COLOUR);
    for (const {stdout} of [coloured, plain]) expect(stdout).not.toContain(SECRET);
  });

  it('is asked of every command', async () => {
    const asked = [...ASKED.map(([line]) => line), ONCE];
    for (const name of await commandNames()) {
      const words = name.replaceAll(':', ' ');
      expect(
        asked.filter(line => line === words || line.startsWith(`${words} `)),
        words,
      ).not.toEqual([]);
    }
  });

  it('by the making of a key, and by making it again', async () => {
    const environment = {EDGEWISE_KEY: join(folder, SECRET, 'keys', 'other.pem')};
    const made = await run(ONCE.split(' '), environment);
    expect([made.exitCode, made.stdout.includes(ESCAPE)]).toEqual([0, false]);
    expect(made.stdout).not.toContain('PRIVATE');
    const again = await run([...ONCE.split(' '), '--json'], environment);
    expect(again.exitCode).toBe(2);
    expect(JSON.parse(again.stdout)).toHaveProperty('error.code', 'signing-key-exists');
    expect(again.stdout + again.stderr).not.toContain(SECRET);
  });

  it.each([
    ['push absent.yaml', 2],
    ['rollout start', 2],
    ['rollout resume', 2],
  ])(
    'as ndjson by "%s": the same exit code, every line of stdout JSON, the error on stderr',
    async (line, exitCode) => {
      const args = [...line.split(' '), '--output', 'ndjson'];
      for (const environment of [{}, {CI: 'true'}, {NO_COLOR: '1'}]) {
        const {exitCode: seen, stdout, stderr} = await run(args, environment);
        expect(seen).toBe(exitCode);
        for (const event of stdout.split('\n').filter(text => text !== ''))
          expect(JSON.parse(event)).toHaveProperty('kind');
        expect(stdout + stderr).not.toContain(ESCAPE);
        expect(stdout + stderr).not.toContain(SECRET);
        expect(stderr).toContain('plan');
      }
      if (hasScript) expect((await runAtTerminal(args)).exitCode).toBe(exitCode);
    },
  );

  it('of every command when a flag is unknown: exit 2, one sentence, JSON where it is asked for', async () => {
    const names = await commandNames();
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const args = [...name.split(':'), '--no-such-flag'];
      const [piped, asJson] = await Promise.all([run(args), run([...args, '--json'])]);
      expect([name, piped.exitCode, asJson.exitCode]).toEqual([name, 2, 2]);
      expect(piped.stdout + piped.stderr).not.toContain(ESCAPE);
      expect(piped.stderr).toContain('--no-such-flag');
      expect(JSON.parse(asJson.stdout), name).toHaveProperty('error.code');
    }
  });
});
