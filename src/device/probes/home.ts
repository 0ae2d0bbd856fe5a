import type {Probe} from './probe.ts';

/** The folder that relative paths start in: commands and transfers begin there. Its links are resolved. */
export const home: Probe<string> = {
  argv: ['pwd', '-P'],
  parse: stdout => {
    const path = stdout.replace(/\n$/, '');
    return path.startsWith('/') ? path : undefined;
  },
};
