import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {watchThrottling} from '../../../../src/runtime/agent/throttling.ts';

let sysFolder: string;
beforeEach(async () => {
  sysFolder = await mkdtemp(join(tmpdir(), 'edgewise-sys-'));
});
afterEach(() => rm(sysFolder, {recursive: true, force: true}));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(sysFolder, path)), {recursive: true});
  await writeFile(join(sysFolder, path), `${text}\n`);
}

it('a machine that tells nothing is not known to be throttled or not', async () => {
  expect(await watchThrottling(sysFolder)()).toBeNull();
});

it('an x86 core that counted since the last look was throttled', async () => {
  const counter = 'devices/system/cpu/cpu1/thermal_throttle/core_throttle_count';
  await write(counter, '7');
  const look = watchThrottling(sysFolder);
  expect(await look()).toBe(false);
  await write(counter, '9');
  expect(await look()).toBe(true);
  expect(await look()).toBe(false);
});

it('a Raspberry Pi is throttled now, not when it has been once', async () => {
  const file = 'devices/platform/soc/soc:firmware/get_throttled';
  await write(file, '50000');
  expect(await watchThrottling(sysFolder)()).toBe(false);
  await write(file, '50005');
  expect(await watchThrottling(sysFolder)()).toBe(true);
});

it('a cooling device that holds the processor down counts, a fan does not', async () => {
  await write('class/thermal/cooling_device0/type', 'pwm-fan');
  await write('class/thermal/cooling_device0/cur_state', '3');
  expect(await watchThrottling(sysFolder)()).toBeNull();
  await write('class/thermal/cooling_device1/type', 'cpufreq-cpu0');
  await write('class/thermal/cooling_device1/cur_state', '2');
  expect(await watchThrottling(sysFolder)()).toBe(true);
});
