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
 * What to put before a device's commands so that it sees and uses `cores` cores; empty where that changes nothing or
 * taskset is missing. `offset` keeps devices apart. Cores are taken from the end: the first one has the interrupts.
 */
export function pinningPrefix(cores: number, offset: number, allowed = readAllowedCores()): string[] {
  const taskset = ['/usr/bin/taskset', '/bin/taskset'].find(isExecutable);
  if (taskset === undefined || cores >= allowed.length) return [];
  const chosen = Array.from({length: cores}, (_, index) => {
    const fromEnd = (offset + index) % allowed.length;
    return allowed[allowed.length - 1 - fromEnd];
  });
  return [taskset, '-c', chosen.join(',')];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
