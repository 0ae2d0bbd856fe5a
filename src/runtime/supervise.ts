import {spawn, type ChildProcess} from 'node:child_process';
import {closeSync, mkdirSync, openSync, renameSync, statSync} from 'node:fs';
import {link, rm, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {keepWatching} from './deploy/keepWatching.ts';
import {endOrphan, GRACE_MS} from './endOrphan.ts';
import {findSupervisor, PID_FILE} from './findSupervisor.ts';
import {findProgramPath} from './programPath.ts';

const LOG_FILE = 'agent.log';
const MAX_LOG_BYTES = 2 ** 20;
const FIRST_WAIT_MS = 500;
const LAST_WAIT_MS = 30_000;
/** An agent that lived this long was well: its next death starts the waiting anew. */
const HEALTHY_MS = 60_000;

/** What is kept alive: a device's agent, or the program of a gateway. */
export type SupervisedProgram = 'agent' | 'gateway';

/**
 * Keeps an agent alive: starts it, starts it again when it dies, passes SIGHUP on, ends it on SIGTERM. Resolves when it
 * is told to end, or at once with the pid of the supervisor that this home already has.
 */
export async function superviseAgent(
  home: string,
  agentArguments: readonly string[],
  program: SupervisedProgram = 'agent',
): Promise<{alreadyRunning: number} | null> {
  if (!(await claimHome(home))) {
    const pid = await findSupervisor(home);
    return {alreadyRunning: pid ?? 0};
  }
  let child: ChildProcess | null = null;
  let isEnding = false;
  let waitMs = FIRST_WAIT_MS;
  let wake: (() => void) | null = null;
  const onHangUp = () => {
    if (child === null) {
      waitMs = FIRST_WAIT_MS;
      wake?.();
    } else child.kill('SIGHUP');
  };
  const onEnd = () => {
    isEnding = true;
    wake?.();
    child?.kill('SIGTERM');
    const stuck = child;
    setTimeout(() => stuck?.kill('SIGKILL'), GRACE_MS).unref();
  };
  process.on('SIGHUP', onHangUp);
  process.on('SIGTERM', onEnd);
  process.on('SIGINT', onEnd);
  const stopWatching = program === 'agent' ? keepWatching(home) : () => {};
  try {
    await endOrphan(home, program);
    while (!isEnding) {
      const startedMs = performance.now();
      const log = openLog(home);
      const started = spawn(
        process.execPath,
        [findProgramPath(), program, '--home', home, ...agentArguments],
        {
          stdio: ['ignore', log, log],
        },
      );
      closeSync(log);
      child = started;
      await new Promise<void>(resolve => {
        started.on('exit', () => resolve());
        started.on('error', () => resolve());
      });
      child = null;
      if (isEnding) break;
      if (performance.now() - startedMs > HEALTHY_MS) waitMs = FIRST_WAIT_MS;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = null;
      waitMs = Math.min(waitMs * 2, LAST_WAIT_MS);
    }
  } finally {
    stopWatching();
    process.off('SIGHUP', onHangUp);
    process.off('SIGTERM', onEnd);
    process.off('SIGINT', onEnd);
    await rm(join(home, PID_FILE), {force: true});
  }
  return null;
}

/**
 * Starts a supervisor that outlives this process and its terminal, and waits until it has the home.
 * @returns the pid of the supervisor, new or not
 */
export async function startDetachedSupervisor(
  home: string,
  agentArguments: readonly string[],
  program: SupervisedProgram = 'agent',
): Promise<{pid: number; isNew: boolean}> {
  const running = await findSupervisor(home);
  if (running !== null) return {pid: running, isNew: false};
  const log = openLog(home);
  const child = spawn(
    process.execPath,
    [
      findProgramPath(),
      'supervise',
      '--foreground',
      ...['--home', home, '--program', program],
      ...agentArguments,
    ],
    {detached: true, stdio: ['ignore', log, log], cwd: '/'},
  );
  closeSync(log);
  let hasEnded = false;
  child.on('exit', () => (hasEnded = true));
  child.on('error', () => (hasEnded = true));
  for (let waitedMs = 0; ; waitedMs += 25) {
    const pid = await findSupervisor(home);
    if (pid !== null) {
      child.unref();
      return {pid, isNew: pid === child.pid};
    }
    if (hasEnded || waitedMs > 60_000)
      throw new Error(`the supervisor did not start; see ${join(home, LOG_FILE)}`);
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}

/** A link is made or not, whoever else tries at the same moment. A file whose owner is gone does not count. */
async function claimHome(home: string): Promise<boolean> {
  const mine = join(home, `.${PID_FILE}.${process.pid}`);
  await writeFile(mine, `${process.pid}\n`);
  try {
    for (;;) {
      try {
        await link(mine, join(home, PID_FILE));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if ((await findSupervisor(home)) !== null) return false;
        await unlink(join(home, PID_FILE)).catch(() => {});
      }
    }
  } finally {
    await rm(mine, {force: true});
  }
}

/** One older log is kept, so that a device's disk never fills with them. */
function openLog(home: string): number {
  mkdirSync(home, {recursive: true});
  const path = join(home, LOG_FILE);
  try {
    if (statSync(path).size > MAX_LOG_BYTES) renameSync(path, `${path}.1`);
  } catch {
    // There is no log yet.
  }
  return openSync(path, 'a');
}
