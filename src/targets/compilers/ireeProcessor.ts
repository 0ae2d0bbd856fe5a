import {EXIT, ExpectedError} from '../../errors.ts';
import type {TargetFacts} from '../target.ts';

/** What IREE's compiler is told of the processor that is to run the code. */
export interface IreeProcessor {
  /** LLVM's name of the processor: `cortex-a76`, `x86-64-v3`; `host` for the machine that compiles. */
  readonly cpu: string;
  /** LLVM's names of what it has besides: `dotprod`. */
  readonly features: readonly string[];
  /** LLVM's name of the system, `aarch64-linux-gnu`; `null` for that of the machine that compiles. */
  readonly triple: string | null;
  /** Why this one. */
  readonly reason: string;
}

/**
 * What each level of x86-64 adds to the one below, in the kernel's words.
 * @see https://gitlab.com/x86-psABIs/x86-64-ABI, "Micro-Architecture Levels"; OSXSAVE is `xsave`, LZCNT `abm`, SSE3 `pni`
 */
const X86_LEVELS: readonly (readonly [cpu: string, features: readonly string[]])[] = [
  ['x86-64-v2', ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3']],
  ['x86-64-v3', ['abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave']],
  ['x86-64-v4', ['avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl']],
];

/**
 * What multiplies and adds several numbers at once and is in no level or plain processor: the kernel's word, LLVM's.
 * @see IREE's own kernels, runtime/src/iree/builtins/ukernel/arch, which use these
 */
const X86_FEATURES: Readonly<Record<string, string>> = {
  avx512_bf16: 'avx512bf16',
  avx512_vnni: 'avx512vnni',
};
const ARM_FEATURES: Readonly<Record<string, string>> = {
  asimddp: 'dotprod',
  asimdfhm: 'fp16fml',
  asimdhp: 'fullfp16',
  bf16: 'bf16',
  i8mm: 'i8mm',
};

/**
 * The processor to compile for. `null`: the machine that compiles, which LLVM asks itself.
 * @throws ExpectedError `architecture-unsupported` (exit 13)
 */
export function ireeProcessor(device: TargetFacts | null): IreeProcessor {
  if (device === null)
    return {
      cpu: 'host',
      features: [],
      triple: null,
      reason: 'no other device was named, so it is for the machine that compiles',
    };
  const {architecture, cpuModel = 'unknown', cpuFeatures} = device;
  const has = (feature: string): boolean => cpuFeatures.includes(feature);
  const named = (words: Readonly<Record<string, string>>): string[] =>
    Object.entries(words).flatMap(([kernel, llvm]) => (has(kernel) ? [llvm] : []));
  if (architecture === 'arm64') {
    const core = /^ARM ((?:Cortex|Neoverse)-\w+)$/.exec(cpuModel)?.[1];
    const triple = 'aarch64-linux-gnu';
    if (core !== undefined)
      return {cpu: core.toLowerCase(), features: [], triple, reason: `the device's cores are ${cpuModel}`};
    const reason = cpuModel.includes(' + ')
      ? `the device has ${cpuModel}, and the code must run on each: what all of them have`
      : `LLVM has no name for the device's cores (${cpuModel}): what the kernel says they have`;
    return {cpu: 'generic', features: named(ARM_FEATURES), triple, reason};
  }
  if (architecture === 'x64') {
    const missing = X86_LEVELS.findIndex(([, features]) => !features.every(has));
    const levels = missing === -1 ? X86_LEVELS : X86_LEVELS.slice(0, missing);
    const cpu = levels.at(-1)?.[0] ?? 'x86-64';
    return {
      cpu,
      features: cpu === 'x86-64-v4' ? named(X86_FEATURES) : [],
      triple: 'x86_64-linux-gnu',
      reason: `the highest level of x86-64 that the device has (${cpuModel})`,
    };
  }
  throw new ExpectedError(
    'architecture-unsupported',
    `Target iree is for x64 and arm64; the device's architecture is ${architecture}.`,
    EXIT.unsupported,
  );
}
