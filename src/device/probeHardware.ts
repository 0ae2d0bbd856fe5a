import {EXIT, ExpectedError} from '../errors.ts';
import type {Hardware} from '../documents/profile.ts';
import {askProbes, type Findings} from './askProbes.ts';
import type {Machine} from './machine.ts';

/** Without these nothing can be said about a machine. */
const BASICS = ['architecture', 'memory', 'disk'] as const;

const NAMES = [
  'architecture',
  'userspaceBits',
  'cores',
  'processor',
  'memory',
  'disk',
  'operatingSystem',
  'kernel',
  'libc',
  'board',
  'linuxForTegra',
  'nvidiaDriver',
  'tensorrt',
  'tools',
] as const;

/**
 * What the machine is, in one round trip.
 * @throws ExpectedError `probe-failed` when it does not even tell its architecture, memory or disk
 */
export async function probeHardware(machine: Machine): Promise<Hardware> {
  const found = await askProbes(machine, NAMES);
  const {architecture, memory, disk, processor} = found;
  if (architecture === undefined || memory === undefined || disk === undefined) {
    const missing = BASICS.filter(name => found[name] === undefined).join(', ');
    throw new ExpectedError(
      'probe-failed',
      `${machine.name} does not tell: ${missing}; edgewise needs a Linux system.`,
      EXIT.unsupported,
    );
  }
  return {
    architecture: architectureOf(architecture, found.userspaceBits),
    cpuModel: processor?.model ?? 'unknown',
    cores: found.cores ?? processor?.cores ?? 1,
    cpuFeatures: [...(processor?.features ?? [])],
    memoryBytes: memory.totalBytes,
    freeDiskBytes: disk.freeBytes,
    operatingSystem: found.operatingSystem ?? 'unknown',
    kernel: found.kernel ?? 'unknown',
    libc: found.libc ?? {name: 'unknown', version: '0'},
    ...acceleratorFacts(found),
  };
}

/** Only what was found: most machines have none of it. */
function acceleratorFacts(found: Findings<(typeof NAMES)[number]>): Partial<Hardware> {
  const {board, linuxForTegra, nvidiaDriver, tensorrt, tools} = found;
  return {
    ...(board === undefined ? {} : {board: {model: board.model, compatible: [...board.compatible]}}),
    ...(linuxForTegra === undefined ? {} : {linuxForTegra}),
    ...(nvidiaDriver === undefined ? {} : {nvidiaDriver}),
    ...(tensorrt === undefined ? {} : {tensorrt}),
    ...(tools === undefined ? {} : {tools: {...tools}}),
  };
}

/** What programs see: under a 64-bit kernel with a 32-bit system on top the narrower one. */
export function architectureOf(kernel: string, userspaceBits: number | undefined): string {
  if (userspaceBits !== 32) return kernel;
  if (kernel === 'arm64') return 'armv7';
  return kernel === 'x64' ? 'x86' : kernel;
}
