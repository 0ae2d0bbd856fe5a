import type {Probe} from './probe.ts';

/** Differs after every start of the machine: how a restart is noticed. */
export const bootId: Probe<string> = {
  argv: ['cat', '/proc/sys/kernel/random/boot_id'],
  parse: stdout => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(stdout.trim())?.[0],
};
