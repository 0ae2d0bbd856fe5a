import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {parse} from 'yaml';

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly defaults: {readonly run: {readonly 'working-directory': string}};
  readonly jobs: Readonly<Record<string, {readonly steps: readonly Step[]}>>;
}

export interface StepEnded {
  readonly step: string;
  readonly status: number | null;
  readonly output: string;
}

/**
 * Runs the `run:` lines of a GitHub workflow's job, each as GitHub's runner does for `shell: bash`, up to and with the
 * first that fails. `expressions` says what stands for each `${{ … }}`; one that is not named is an error.
 */
export function runWorkflowSteps(
  text: string,
  job: string,
  settings: {
    readonly repository: string;
    readonly expressions: Readonly<Record<string, string>>;
    readonly environment: Readonly<Record<string, string>>;
    /** Steps by name that are left to the caller. */
    readonly without: readonly string[];
  },
): StepEnded[] {
  const workflow = parse(text) as Workflow;
  const fill = (value: string): string =>
    value.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_whole, expression: string) => {
      const found = settings.expressions[expression];
      if (found === undefined) throw new Error(`nothing stands for \${{ ${expression} }}`);
      return found;
    });
  const ended: StepEnded[] = [];
  for (const {name = '', run, env = {}} of workflow.jobs[job]?.steps ?? []) {
    if (run === undefined || settings.without.includes(name)) continue;
    const {status, stdout, stderr} = spawnSync(
      'bash',
      ['--noprofile', '--norc', '-eo', 'pipefail', '-c', fill(run)],
      {
        cwd: join(settings.repository, workflow.defaults.run['working-directory']),
        env: {
          ...settings.environment,
          ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, fill(value)])),
        },
        encoding: 'utf8',
        timeout: 170_000,
      },
    );
    ended.push({step: name, status, output: stdout + stderr});
    if (status !== 0) break;
  }
  return ended;
}
