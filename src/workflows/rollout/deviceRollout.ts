import type {Machine} from '../../device/machine.ts';
import type {DeviceRollout} from '../../documents/rollout.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {runScript} from '../deploy/runOnDevice.ts';

/**
 * Has the device keep which rollout it takes part in, how far it is and which waves were approved: a controller's disk may
 * be gone tomorrow.
 */
export async function keepDeviceRollout(
  machine: Machine,
  about: Omit<DeviceRollout, 'kind' | 'formatVersion'>,
): Promise<void> {
  const kept: DeviceRollout = {...about, kind: 'edgewise/device-rollout', formatVersion: 1};
  await runScript(machine, deviceScript('rollout'), JSON.stringify(kept));
}
