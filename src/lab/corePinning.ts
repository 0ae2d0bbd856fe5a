import {accessSync, constants, readFileSync} from 'node:fs';

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

/** What to put before a command so that it sees and uses only `cores`; nothing where taskset is missing. */
export function pinningPrefix(cores: readonly number[]): string[] {
  const taskset = findProgram('taskset');
  return taskset === null || cores.length === 0 ? [] : [taskset, '-c', cores.join(',')];
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
