import {wholeNumberFrom, type Probe} from './probe.ts';

/** Cores that programs may use now: fewer than there are inside a container or with cores switched off. */
export const cores: Probe<number> = {
  argv: ['nproc'],
  parse: stdout => wholeNumberFrom(stdout) || undefined,
};
