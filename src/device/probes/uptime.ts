import type {Probe} from './probe.ts';

/** Seconds since the machine was started. */
export const uptime: Probe<number> = {
  argv: ['cat', '/proc/uptime'],
  parse: stdout => {
    const seconds = /^(\d+(?:\.\d+)?)\s/.exec(stdout)?.[1];
    return seconds === undefined ? undefined : Number(seconds);
  },
};
