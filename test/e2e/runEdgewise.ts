import {spawn} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RUN = join(ROOT, 'bin', 'run.js');

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  readonly cwd: string;
  /** Ctrl-C as soon as this was printed on stderr. */
  readonly interruptAfter?: RegExp;
  /** The user's home, which for a device called `local` is the device's home too. */
  readonly home: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs the built program as a user would: a process of its own, no terminal. */
export function runEdgewise(args: readonly string[], settings: RunSettings): Promise<Ended> {
  const child = spawn(process.execPath, [RUN, ...args], {
    cwd: settings.cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      HOME: settings.home,
      NO_COLOR: '1',
      ...settings.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: settings.timeoutMs ?? 170_000,
    killSignal: 'SIGKILL',
  });
  const chunks = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', (text: string) => (chunks.stdout += text));
  let isInterrupted = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    chunks.stderr += text;
    if (isInterrupted || settings.interruptAfter?.test(chunks.stderr) !== true) return;
    isInterrupted = true;
    child.kill('SIGINT');
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', exitCode => resolve({exitCode, ...chunks}));
  });
}

/** The one JSON document that --json prints. */
export function jsonOf<T>(ended: Ended): T {
  return JSON.parse(ended.stdout) as T;
}

/** Runs `work` in a new folder and removes it afterwards. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-e2e-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** `edgewise serve` on a free port; waits until it says where it serves. */
export async function startCloud(settings: RunSettings): Promise<RunningServer> {
  const child = spawn(
    process.execPath,
    [RUN, 'serve', '--model-repository', 'models', '--model-control', 'explicit', '--port', '0'],
    {cwd: settings.cwd, env: {...process.env, HOME: settings.home}, stdio: ['ignore', 'pipe', 'inherit']},
  );
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const found = /http:\/\/\S+?(?=;)/.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.once('exit', code => reject(new Error(`edgewise serve ended with ${code}: ${text}`)));
  });
  return {
    url,
    stop: () =>
      new Promise(resolve => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}
