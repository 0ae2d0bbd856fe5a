import {randomBytes} from 'node:crypto';
import {hostname} from 'node:os';
import type {Machine} from '../device/machine.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {requireSuccess} from './shipFiles.ts';

/** Longer than any push should take; a controller that dies leaves the device locked for at most this long. */
const LEASE_SECONDS = 900;

/**
 * Runs `work` while this controller holds the device's lock.
 * @throws ExpectedError `device-locked` (exit 14) naming the holder and for how long
 */
export async function withDeviceLock<T>(machine: Machine, work: () => Promise<T>): Promise<T> {
  const owner = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
  const taken = await machine.run(deviceScript('lock', 'take', owner, String(LEASE_SECONDS)));
  if (taken.exitStatus === 7) {
    const [holder = 'another controller', seconds = '?'] = taken.stdout.trim().split(' ');
    throw new ExpectedError(
      'device-locked',
      `${machine.name} is being changed by ${holder}; its lock ends in ${seconds} s.`,
      EXIT.stale,
    );
  }
  requireSuccess(machine, taken);
  try {
    return await work();
  } finally {
    // A connection that was lost takes nothing more: the lease ends by itself.
    await machine.run(deviceScript('lock', 'free', owner, '0')).catch(() => {});
  }
}
