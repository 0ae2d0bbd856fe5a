import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {readProcessorState} from '../../src/runtime/measure/processorState.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgewise-sys-'));
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), {recursive: true});
  writeFileSync(join(folder, path), text);
}

it('takes the hottest zone and the mean frequency of the cores, as a Raspberry Pi 4 shows them', () => {
  write('class/thermal/thermal_zone0/temp', '61835\n');
  write('class/thermal/thermal_zone1/temp', '48200\n');
  write('class/thermal/cooling_device0/cur_state', '0\n');
  for (const [core, kilohertz] of [1_800_000, 1_800_000, 600_000, 600_000].entries())
    write(`devices/system/cpu/cpu${core}/cpufreq/scaling_cur_freq`, `${kilohertz}\n`);
  write('devices/system/cpu/cpufreq/policy0/scaling_cur_freq', '1\n');
  expect(readProcessorState(folder)).toEqual({celsius: 61.835, megahertz: 1200});
});

it('leaves out what the kernel does not tell, and zones that give no number', () => {
  write('class/thermal/thermal_zone0/temp', '');
  expect(readProcessorState(folder)).toEqual({celsius: null, megahertz: null});
});
