import type {Probe} from './probe.ts';

export const kernel: Probe<string> = {
  argv: ['uname', '-sr'],
  parse: stdout => stdout.trim() || undefined,
};
