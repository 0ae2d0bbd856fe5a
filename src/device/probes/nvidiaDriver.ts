import type {Probe} from './probe.ts';

/** Version of the kernel's NVIDIA driver: a GPU that CUDA programs can use. */
export const nvidiaDriver: Probe<string> = {
  argv: ['cat', '/proc/driver/nvidia/version'],
  parse: stdout => /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(stdout)?.[1],
};
