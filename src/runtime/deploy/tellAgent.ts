import {execFile, spawn} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {setTimeout as sleep} from 'node:timers/promises';
import {endOrphan} from '../endOrphan.ts';
import {findSupervisor} from '../findSupervisor.ts';

const run = promisify(execFile);
/** An agent ends within 8 s or is killed by its supervisor. */
const ENDING_MS = 15_000;

/** Makes whoever keeps the agent load what `current` points to now, with the given runtime. */
export async function tellAgent(home: string, runtimeHex: string): Promise<'reloaded' | 'started'> {
  const runtime = join(home, 'runtime', runtimeHex);
  const pid = await findSupervisor(home);
  if (pid !== null) {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (argv.some(part => part.startsWith(`${runtime}/`))) {
      process.kill(pid, 'SIGHUP');
      return 'reloaded';
    }
    await stopSupervisor(home);
  }
  await run(join(runtime, 'bin/node'), [join(runtime, 'edgewise.mjs'), 'supervise', '--home', home]);
  return 'started';
}

/** Ends the supervisor and its agent, and an agent that has lost its supervisor; waits until they are gone. */
export async function stopServing(home: string): Promise<void> {
  await stopSupervisor(home);
  await endOrphan(home, 'agent');
}

async function stopSupervisor(home: string): Promise<void> {
  const pid = await findSupervisor(home);
  if (pid === null) return;
  process.kill(pid, 'SIGTERM');
  for (let waitedMs = 0; waitedMs < ENDING_MS; waitedMs += 50) {
    if ((await findSupervisor(home)) === null) return;
    await sleep(50);
  }
  // Its agent is an orphan then, which whoever serves next ends.
  process.kill(pid, 'SIGKILL');
}

/** Starts a program of a runtime that outlives this process, the connection and the terminal. */
export function startDetached(argv: readonly [string, ...string[]]): void {
  const [program, ...args] = argv;
  spawn(program, args, {detached: true, stdio: 'ignore', cwd: '/'}).unref();
}
