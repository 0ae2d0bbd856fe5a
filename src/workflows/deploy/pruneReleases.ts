import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {runDeviceProgram, type DeviceProgram} from './runOnDevice.ts';

const pruned = z.object({removed: z.array(z.string())});

/** Leaves the newest `keepCount` releases on the device, and always the current, the previous and an open switch's. */
export async function pruneReleases(
  machine: Machine,
  program: DeviceProgram,
  keepCount: number,
): Promise<readonly string[]> {
  const {removed} = await runDeviceProgram(machine, program, ['prune', '--keep', String(keepCount)], pruned);
  return removed;
}
