import type {Probe} from './probe.ts';

// Of the kernel: a 32-bit system on a 64-bit kernel still says aarch64, which is what `userspaceBits` is for.
const NAMES: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
  armv8l: 'armv7',
  armv7l: 'armv7',
  armv6l: 'armv6',
  i386: 'x86',
  i486: 'x86',
  i586: 'x86',
  i686: 'x86',
};

/** In Node's words (`x64`, `arm64`); what it has no word for is left as the kernel says it. */
export const architecture: Probe<string> = {
  argv: ['uname', '-m'],
  parse: stdout => {
    const name = stdout.trim();
    return name === '' ? undefined : (NAMES[name] ?? name);
  },
};
