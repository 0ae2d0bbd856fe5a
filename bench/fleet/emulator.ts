// Emulated devices in a process of their own, so that the controller's memory and time are its own.
import {startEmulatedDevice, type EmulatedFleetMember} from './emulatedDevice.ts';

export interface EmulatorOrder {
  readonly count: number;
  readonly hostKey: string;
  readonly userKey: string;
  readonly runtimeHex: string;
  readonly runtimeBlobs: readonly string[];
}

let devices: EmulatedFleetMember[] = [];
process.on('message', (message: EmulatorOrder | 'count' | 'cpu') => void obey(message));

async function obey(message: EmulatorOrder | 'count' | 'cpu'): Promise<void> {
  if (message === 'cpu') {
    const {user, system} = process.cpuUsage();
    process.send?.((user + system) / 1e6);
    return;
  }
  if (message === 'count') {
    process.send?.(devices.reduce((sum, device) => sum + device.countRefused(), 0));
    return;
  }
  const {count, runtimeBlobs, ...order} = message;
  const member = {...order, runtimeBlobs: new Set(runtimeBlobs)};
  devices = await Promise.all(Array.from({length: count}, () => startEmulatedDevice(member)));
  process.send?.(devices.map(({port}) => port));
}
