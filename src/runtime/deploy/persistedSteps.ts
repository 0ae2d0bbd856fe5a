/**
 * Every point at which the device's side has just made something durable, in the order it is come past. Whatever dies
 * right after one of them must leave a device that serves; the kill matrix is made from this list.
 */
export const DEVICE_STEPS = [
  'patch:named',
  'patch:cleared',
  'admit:pinned',
  'admit:linked',
  'admit:signed',
  'admit:named',
  'switch:pending',
  'switch:watched',
  'switch:runtime',
  'switch:previous',
  'switch:current',
  'switch:told',
  'confirm:claimed',
  'confirm:remembered',
  'confirm:done',
  'revert:claimed',
  'revert:current',
  'revert:previous',
  'revert:runtime',
  'revert:remembered',
  'revert:told',
  'revert:done',
  'roll-back:remembered',
  'roll-back:claimed',
  'prune:release',
  'prune:blobs',
] as const;

export type DeviceStep = (typeof DEVICE_STEPS)[number];

/** Dies here when the environment says so: the only way to test what a power cut at this very point leaves behind. */
export function passStep(step: DeviceStep): void {
  dieAfter(step);
}

export function dieAfter(step: string): void {
  if (process.env['EDGEWISE_DIES_AFTER'] === step) process.kill(process.pid, 'SIGKILL');
}
