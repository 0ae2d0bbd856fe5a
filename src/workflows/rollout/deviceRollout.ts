import type {Machine} from '../../device/machine.ts';
import {deviceRolloutSchema, type DeviceRollout} from '../../documents/rollout.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {runScript} from '../deploy/runOnDevice.ts';

/** Has the device keep which rollout it takes part in and how far it is: a controller's disk may be gone tomorrow. */
export async function keepDeviceRollout(
  machine: Machine,
  about: Omit<DeviceRollout, 'kind' | 'formatVersion'>,
): Promise<void> {
  const kept: DeviceRollout = {kind: 'edgewise/device-rollout', formatVersion: 1, ...about};
  await runScript(machine, deviceScript('rollout', 'keep'), JSON.stringify(kept));
}

/** `null` before a device's first rollout, and when what it has cannot be read. */
export async function readDeviceRollout(machine: Machine): Promise<DeviceRollout | null> {
  const {stdout} = await runScript(machine, deviceScript('rollout', 'read'));
  try {
    return deviceRolloutSchema.parse(JSON.parse(stdout));
  } catch {
    return null;
  }
}
