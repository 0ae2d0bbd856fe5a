import type {Probe} from './probe.ts';

export interface Memory {
  readonly totalBytes: number;
  /** What a new program can have without swapping; `undefined` on kernels before 3.14. */
  readonly availableBytes: number | undefined;
}

export const memory: Probe<Memory> = {
  argv: ['cat', '/proc/meminfo'],
  parse: stdout => {
    const bytesOf = (name: string) => {
      const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(stdout)?.[1];
      return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
    };
    const totalBytes = bytesOf('MemTotal');
    return totalBytes === undefined ? undefined : {totalBytes, availableBytes: bytesOf('MemAvailable')};
  },
};
