import type {Probe} from './probe.ts';

export interface Libc {
  readonly name: string;
  readonly version: string;
}

// musl has no getconf word for itself; its loader prints its version to stderr and fails when called without a program.
const SCRIPT = [
  'getconf GNU_LIBC_VERSION 2>/dev/null && exit 0',
  'for loader in /lib/ld-musl-*.so.1; do [ -e "$loader" ] && "$loader" 2>&1 && exit 0; done',
  // Systems made of busybox have neither getconf nor ldd; the library itself says its version when it is run.
  'for library in /lib/*/libc.so.6 /lib64/libc.so.6 /lib/libc.so.6 /usr/lib/libc.so.6; do [ -x "$library" ] && "$library" 2>/dev/null && exit 0; done',
  'ldd --version 2>&1 | head -n 2',
].join('\n');

/** The C library that programs are linked with: `glibc` or `musl`, and its version. */
export const libc: Probe<Libc> = {
  argv: ['sh', '-c', SCRIPT],
  parse: stdout => {
    const musl = /musl libc[\s\S]*?Version\s+(\d+(?:\.\d+)+)/i.exec(stdout)?.[1];
    if (musl !== undefined) return {name: 'musl', version: musl};
    const glibc =
      /^glibc (\d+\.\d+)/m.exec(stdout)?.[1] ??
      /^GNU C Library .*version (\d+\.\d+)/m.exec(stdout)?.[1] ??
      /^ldd \(.*(?:glibc|gnu libc).*\) (\d+\.\d+)/im.exec(stdout)?.[1];
    return glibc === undefined ? undefined : {name: 'glibc', version: glibc};
  },
};
