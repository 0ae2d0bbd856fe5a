import type {Probe} from './probe.ts';

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The file system of the home folder, where releases live. Commands start there, so "." names it. */
export const disk: Probe<DiskSpace> = {
  argv: ['df', '-Pk', '.'],
  parse: stdout => {
    // The device's name comes first and may hold anything: the last numbers before a mount point are the ones.
    const found = /^.*\s(\d+)\s+\d+\s+(-?\d+)\s+\d+%\s+\//m.exec(stdout);
    if (found === null) return undefined;
    return {totalBytes: Number(found[1]) * 1024, freeBytes: Math.max(0, Number(found[2])) * 1024};
  },
};
