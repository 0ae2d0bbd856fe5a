import {readFileSync} from 'node:fs';

/** Features of x86 processors that sum products of bytes in 32 bits. */
const WIDE_SUMS = ['avx512_vnni', 'avx_vnni', 'amx_int8'];

let known: boolean | undefined;

/**
 * Whether this machine's kernels for integers add two products of bytes in 16 bits and cut off what does not fit: x86
 * without VNNI does. Where nothing says what the processor is, it is taken for one that does not.
 */
export function doSumsSaturateHere(): boolean {
  known ??= process.arch === 'x64' && !WIDE_SUMS.some(feature => readFeatures().includes(feature));
  return known;
}

function readFeatures(): string[] {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(/\s+/) ?? WIDE_SUMS;
  } catch {
    return WIDE_SUMS;
  }
}
