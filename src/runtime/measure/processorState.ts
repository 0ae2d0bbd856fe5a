import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

/** `null`: the kernel does not tell, as in most virtual machines. */
export interface ProcessorState {
  /** The hottest thermal zone. */
  readonly celsius: number | null;
  /** The mean of all cores. */
  readonly megahertz: number | null;
}

/** @see https://docs.kernel.org/driver-api/thermal/sysfs-api.html, https://docs.kernel.org/admin-guide/pm/cpufreq.html */
export function readProcessorState(folder = '/sys'): ProcessorState {
  const milliCelsius = readNumbers(join(folder, 'class/thermal'), /^thermal_zone\d+$/, 'temp');
  const kilohertz = readNumbers(join(folder, 'devices/system/cpu'), /^cpu\d+$/, 'cpufreq/scaling_cur_freq');
  return {
    celsius: milliCelsius.length === 0 ? null : Math.max(...milliCelsius) / 1000,
    megahertz:
      kilohertz.length === 0
        ? null
        : kilohertz.reduce((sum, value) => sum + value, 0) / kilohertz.length / 1000,
  };
}

/** The number in `file` of each folder below `parent` with such a name; what cannot be read is left out. */
function readNumbers(parent: string, name: RegExp, file: string): number[] {
  let names: string[];
  try {
    names = readdirSync(parent);
  } catch {
    return [];
  }
  return names
    .filter(entry => name.test(entry))
    .flatMap(entry => {
      try {
        const number = Number(readFileSync(join(parent, entry, file), 'latin1').trim());
        return Number.isFinite(number) && number > 0 ? [number] : [];
      } catch {
        // A zone that is switched off, or a core.
        return [];
      }
    });
}
