import type {Probe} from './probe.ts';

const PROGRAMS = ['trtexec', 'benchmark_app', 'ovc', 'iree-compile', 'stedgeai', 'qnn-net-run'];
// What is not in PATH where its vendor puts it, and libraries that tell a neural processor's runtime is there.
const FILES = [
  '/usr/src/tensorrt/bin/trtexec',
  '/usr/local/tensorrt/bin/trtexec',
  '/opt/tensorrt/bin/trtexec',
  '/usr/lib/librknnrt.so',
  '/usr/lib/aarch64-linux-gnu/librknnrt.so',
  '/usr/lib/libQnnHtp.so',
  '/usr/lib/aarch64-linux-gnu/libQnnHtp.so',
];
const SCRIPT = [
  `for program in ${PROGRAMS.join(' ')}; do command -v "$program"; done`,
  `for file in ${FILES.join(' ')}; do [ -e "$file" ] && echo "$file"; done`,
].join('; ');

/** Paths of compilers, benchmarks and runtimes of accelerators, by file name; the one in PATH first. */
export const tools: Probe<Readonly<Record<string, string>>> = {
  argv: ['sh', '-c', SCRIPT],
  parse: stdout => {
    const found: Record<string, string> = {};
    for (const path of stdout.split('\n')) {
      const name = /^\/.*\/([^/]+)$/.exec(path)?.[1];
      if (name !== undefined) found[name] ??= path;
    }
    return Object.keys(found).length === 0 ? undefined : found;
  },
};
