import type {Probe} from './probe.ts';

/** As the system calls itself, "Debian GNU/Linux 12 (bookworm)" for instance. @see os-release(5) */
export const operatingSystem: Probe<string> = {
  argv: ['cat', '/etc/os-release'],
  parse: stdout => {
    const valueOf = (name: string) => {
      const raw = new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1]?.trim();
      return raw?.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(["$`\\])/g, '$1');
    };
    const name = valueOf('PRETTY_NAME') || [valueOf('NAME'), valueOf('VERSION')].filter(Boolean).join(' ');
    return name === '' ? undefined : name;
  },
};
