import {spawnSync} from 'node:child_process';
import {accessSync, constants, readFileSync, readlinkSync} from 'node:fs';
import {setPriority} from 'node:os';

/** The cores this process may use, by number. */
export function readAllowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
  return list.split(',').flatMap(range => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Number.isNaN(first) ? [] : Array.from({length: last - first + 1}, (_, index) => first + index);
  });
}

/**
 * The cores a device runs on, from the end of those allowed, because the first one has the interrupts; `offset` keeps
 * devices apart. Empty: all of them, since the device has at least as many.
 */
export function chooseCores(cores: number, offset: number, allowed = readAllowedCores()): number[] {
  if (cores >= allowed.length) return [];
  return Array.from({length: cores}, (_, index) => {
    const fromEnd = (offset + index) % allowed.length;
    return allowed[allowed.length - 1 - fromEnd] ?? 0;
  });
}

/** The cores that no device of so many cores in all has; none where they have them all. */
export function coresBesideDevices(cores: number, allowed = readAllowedCores()): number[] {
  const taken = chooseCores(cores, 0, allowed);
  return taken.length === 0 ? [] : allowed.filter(core => !taken.includes(core));
}

/** What to put before a command so that it sees and uses only `cores`; nothing where taskset is missing. */
export function pinningPrefix(cores: readonly number[]): string[] {
  const taskset = findProgram('taskset');
  return taskset === null || cores.length === 0 ? [] : [taskset, '-c', cores.join(',')];
}

/** Where taskset is missing this thread runs wherever the scheduler puts it. */
export function pinThread(cores: readonly number[]): void {
  const taskset = findProgram('taskset');
  if (taskset !== null && cores.length > 0)
    spawnSync(taskset, ['-c', '-p', cores.join(','), threadId()], {stdio: 'ignore'});
}

/** As pinThread, for all threads that a process has and will have, and the processes they start. */
export function pinProcess(cores: readonly number[], pid = process.pid): void {
  const taskset = findProgram('taskset');
  if (taskset !== null && cores.length > 0)
    spawnSync(taskset, ['-a', '-c', '-p', cores.join(','), String(pid)], {stdio: 'ignore'});
}

/** From now on this thread gets only what time no other wants; where that is refused, next to none. */
export function runWhenIdle(): void {
  setPriority(Number(threadId()), 19);
  const chrt = findProgram('chrt');
  if (chrt !== null) spawnSync(chrt, ['--idle', '--pid', '0', threadId()], {stdio: 'ignore'});
}

/** Takes that back for a thread of this process, which root alone may do. */
export function runAsUsual(thread: number): void {
  const chrt = findProgram('chrt');
  if (chrt !== null) spawnSync(chrt, ['--other', '--pid', '0', String(thread)], {stdio: 'ignore'});
  try {
    setPriority(thread, 0);
  } catch {
    // It has ended, or it may not: then it ends when this machine has a moment for it.
  }
}

/** The kernel's number of the calling thread. */
export function threadId(): string {
  return readlinkSync('/proc/thread-self').split('/').at(-1) ?? '';
}

/** A program of util-linux, which nearly every Linux has; `null` where it is missing. */
export function findProgram(name: string): string | null {
  return [`/usr/bin/${name}`, `/bin/${name}`].find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
