import {execFile, spawn} from 'node:child_process';
import {readlink} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {setTimeout as sleep} from 'node:timers/promises';
import {endOrphan} from '../endOrphan.ts';
import {findSupervisor} from '../findSupervisor.ts';
import {findUnit, type SystemdUnit} from './systemdUnit.ts';

const run = promisify(execFile);
/** An agent ends within 8 s or is killed by its supervisor. */
const ENDING_MS = 15_000;
/** How long systemd may take from starting the unit to the supervisor's having the home. */
const STARTING_MS = 15_000;

/**
 * Makes whoever keeps the agent load what `current` points to now, with the given runtime. Where a systemd unit is
 * installed, that one keeps it from then on; should it not come up, the agent's own supervisor does.
 */
export async function tellAgent(home: string, runtimeHex: string): Promise<'reloaded' | 'started'> {
  const runtime = join(home, 'runtime', runtimeHex);
  const unit = await findUnit(home);
  const pid = await findSupervisor(home);
  if (pid !== null) {
    const isKept = unit === null || (await unit.keeps(pid));
    if (isKept && (await readProgram(pid)).startsWith(`${runtime}/`)) {
      process.kill(pid, 'SIGHUP');
      return 'reloaded';
    }
    if (!isKept || unit === null) await endSupervisor(home, pid);
  }
  if (unit !== null && (await startUnit(home, unit))) return 'started';
  await run(join(runtime, 'bin/node'), [join(runtime, 'edgewise.mjs'), 'supervise', '--home', home]);
  return 'started';
}

/** Ends the supervisor and its agent, and an agent that has lost its supervisor; waits until they are gone. */
export async function stopServing(home: string): Promise<void> {
  const unit = await findUnit(home);
  // Even while no supervisor lives: systemd may be about to start one.
  if (unit !== null) await unit.stop().catch(() => {});
  const pid = await findSupervisor(home);
  if (pid !== null) await endSupervisor(home, pid);
  await endOrphan(home, 'agent');
}

async function endSupervisor(home: string, pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  for (let waitedMs = 0; waitedMs < ENDING_MS; waitedMs += 50) {
    if ((await findSupervisor(home)) !== pid) return;
    await sleep(50);
  }
  // Its agent is an orphan then, which whoever serves next ends.
  process.kill(pid, 'SIGKILL');
}

async function startUnit(home: string, unit: SystemdUnit): Promise<boolean> {
  try {
    await unit.restart();
    for (let waitedMs = 0; waitedMs < STARTING_MS; waitedMs += 50) {
      const pid = await findSupervisor(home);
      if (pid !== null && (await unit.keeps(pid))) return true;
      await sleep(50);
    }
  } catch {
    // A sandbox that this kernel cannot make, say: devices --check tells of it.
  }
  await unit.stop().catch(() => {});
  return false;
}

/** Its file, all links resolved: the command line of a unit names the runtime by a link. */
function readProgram(pid: number): Promise<string> {
  return readlink(`/proc/${pid}/exe`).catch(() => '');
}

/** Starts a program of a runtime that outlives this process, the connection and the terminal. */
export function startDetached(argv: readonly [string, ...string[]]): void {
  const [program, ...args] = argv;
  spawn(program, args, {detached: true, stdio: 'ignore', cwd: '/'}).unref();
}
