import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';

/** Raspberry Pi firmware: frequency capped, throttled, or held down by the soft temperature limit, right now. */
const PI_THROTTLED_NOW = 0xe;
const PI_FILE = 'devices/platform/soc/soc:firmware/get_throttled';

/**
 * Looks at whether the processor is being slowed down for heat or power, by what the kernel tells under /sys: counters of
 * x86 cores, the Raspberry Pi's firmware, cooling devices that hold a processor's frequency down.
 * @returns a function that looks: `null` where nothing tells
 */
export function watchThrottling(sysFolder = '/sys'): () => Promise<boolean | null> {
  let lastCount: number | null = null;
  return async () => {
    const count = await countCoreThrottles(sysFolder);
    const hasCounted = count !== null && lastCount !== null && count > lastCount;
    const told = [
      count === null ? null : hasCounted,
      await readPiThrottled(sysFolder),
      await readCooling(sysFolder),
    ].filter(each => each !== null);
    lastCount = count;
    return told.length === 0 ? null : told.includes(true);
  };
}

async function countCoreThrottles(sysFolder: string): Promise<number | null> {
  const folder = join(sysFolder, 'devices/system/cpu');
  const cores = (await namesIn(folder)).filter(name => /^cpu\d+$/.test(name));
  const counts = await Promise.all(
    cores.map(core => readText(join(folder, core, 'thermal_throttle/core_throttle_count'))),
  );
  const known = counts.flatMap(text => (text === null ? [] : [Number(text)])).filter(Number.isFinite);
  return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0);
}

async function readPiThrottled(sysFolder: string): Promise<boolean | null> {
  const text = await readText(join(sysFolder, PI_FILE));
  const bits = text === null ? NaN : Number.parseInt(text, 16);
  return Number.isNaN(bits) ? null : (bits & PI_THROTTLED_NOW) !== 0;
}

async function readCooling(sysFolder: string): Promise<boolean | null> {
  const folder = join(sysFolder, 'class/thermal');
  const devices = (await namesIn(folder)).filter(name => name.startsWith('cooling_device'));
  const states = await Promise.all(
    devices.map(async device => {
      const type = await readText(join(folder, device, 'type'));
      if (type === null || !/cpufreq|^Processor$/.test(type)) return null;
      const state = await readText(join(folder, device, 'cur_state'));
      return state === null ? null : Number(state) > 0;
    }),
  );
  const told = states.filter(each => each !== null);
  return told.length === 0 ? null : told.includes(true);
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').then(
    text => text.trim(),
    () => null,
  );
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
