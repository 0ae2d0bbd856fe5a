import {randomBytes} from 'node:crypto';
import {hostname} from 'node:os';
import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {whenInterrupted} from '../interruption.ts';
import {requireSuccess} from './runOnDevice.ts';

/** A controller that dies leaves the device locked for at most this long; one that lives renews its lease. */
export const LEASE_SECONDS = 120;

export interface DeviceLock {
  readonly owner: string;
  /** One higher than the last holder's: the device refuses whoever comes with a lower one at the switch. */
  readonly fence: number;
}

/** Whoever comes with the same name again (after a lost connection) has the lock already. */
export function nameOwner(): string {
  return `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
}

/**
 * Runs `work` while this controller holds the device's lock; Ctrl-C gives it back.
 * @throws ExpectedError `device-locked` (exit 14) naming the holder and for how long
 */
export async function withDeviceLock<T>(
  machine: Machine,
  work: (lock: DeviceLock) => Promise<T>,
  {leaseSeconds = LEASE_SECONDS, owner = nameOwner()}: {leaseSeconds?: number; owner?: string} = {},
): Promise<T> {
  const lock = await takeDeviceLock(machine, owner, leaseSeconds);
  // A renewal that fails is told by whatever the work does next over the same connection.
  const renewal = setInterval(
    () => void takeDeviceLock(machine, owner, leaseSeconds).catch(() => {}),
    (leaseSeconds * 1000) / 3,
  );
  const free = (): Promise<void> => freeDeviceLock(machine, owner);
  try {
    return await whenInterrupted(free, () => work(lock));
  } finally {
    clearInterval(renewal);
    await free();
  }
}

/** Takes the lock, or renews it for the owner who has it. @throws ExpectedError `device-locked` */
export async function takeDeviceLock(
  machine: Machine,
  owner: string,
  leaseSeconds: number,
): Promise<DeviceLock> {
  const taken = await machine.run(deviceScript('lock', 'take', owner, String(leaseSeconds)));
  if (taken.exitStatus === 7) {
    const [holder = 'another controller', seconds = '?'] = taken.stdout.trim().split(' ');
    throw new ExpectedError(
      'device-locked',
      `${machine.name} is being changed by ${holder}; its lock ends in ${seconds} s.`,
      EXIT.stale,
    );
  }
  const fence = Number(/^fence (\d+)$/m.exec(requireSuccess(machine, taken).stdout)?.[1]);
  if (!Number.isInteger(fence)) throw new Error(`lock.sh printed no fence: ${taken.stdout}`);
  return {owner, fence};
}

/** A lost connection frees nothing more: the lease ends by itself. */
export async function freeDeviceLock(machine: Machine, owner: string): Promise<void> {
  await machine.run(deviceScript('lock', 'free', owner, '0'), {timeoutMs: 3000}).catch(() => {});
}
