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

/** A rollout whose controller died holds its devices for at most this long; each renewal asks all of them. */
export const HOLD_SECONDS = 600;

/** What whoever wants a lock comes for. */
export interface LockClaim {
  /** The device stays held for that rollout, also while nobody has the lock. */
  readonly rollout?: {readonly id: string; readonly holdSeconds: number};
  /** Whatever it is held for. A lock that somebody has is not taken over. */
  readonly takesOver?: boolean;
}

/** Whoever comes with the same name again (after a lost connection) has the lock already. */
export function nameOwner(): string {
  return `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
}

/**
 * Runs `work` while this controller holds the device's lock; Ctrl-C gives it back.
 * @throws ExpectedError `device-locked`, `rollout-under-way` (exit 14) naming the holder and for how long
 */
export async function withDeviceLock<T>(
  machine: Machine,
  work: (lock: DeviceLock) => Promise<T>,
  {
    leaseSeconds = LEASE_SECONDS,
    owner = nameOwner(),
    letsGo = () => false,
    ...claim
  }: LockClaim & {
    leaseSeconds?: number;
    owner?: string;
    /** Asked at the end of the work: whether the rollout needs the device no more. */
    letsGo?: () => boolean;
  } = {},
): Promise<T> {
  const lock = await takeDeviceLock(machine, owner, leaseSeconds, claim);
  // A renewal that fails is told by whatever the work does next over the same connection.
  const renewal = setInterval(
    () => void takeDeviceLock(machine, owner, leaseSeconds, claim).catch(() => {}),
    (leaseSeconds * 1000) / 3,
  );
  const free = (): Promise<void> => freeDeviceLock(machine, owner, letsGo());
  try {
    return await whenInterrupted(free, () => work(lock));
  } finally {
    clearInterval(renewal);
    await free();
  }
}

/** Takes the lock, or renews it for the owner who has it. @throws ExpectedError `device-locked`, `rollout-under-way` */
export async function takeDeviceLock(
  machine: Machine,
  owner: string,
  leaseSeconds: number,
  {rollout, takesOver = false}: LockClaim = {},
): Promise<DeviceLock> {
  const holds = [rollout?.id ?? '-', String(rollout?.holdSeconds ?? 0)];
  const args = [owner, String(leaseSeconds), ...holds, ...(takesOver ? ['over'] : [])];
  const taken = await machine.run(deviceScript('lock', 'take', ...args));
  const [holder = 'another controller', seconds = '?'] = taken.stdout.trim().split(' ');
  if (taken.exitStatus === 7) {
    throw new ExpectedError(
      'device-locked',
      `${machine.name} is being changed by ${holder}; its lock ends in ${seconds} s.`,
      EXIT.stale,
    );
  }
  if (taken.exitStatus === 8) {
    throw new ExpectedError(
      'rollout-under-way',
      `${machine.name} takes part in rollout ${holder}, which holds it for another ${seconds} s unless it goes on.`,
      EXIT.stale,
      {hints: ['edgewise rollout status', 'edgewise rollout abort', 'edgewise push PLAN --take-over']},
    );
  }
  const fence = Number(/^fence (\d+)$/m.exec(requireSuccess(machine, taken).stdout)?.[1]);
  if (!Number.isInteger(fence)) throw new Error(`lock.sh printed no fence: ${taken.stdout}`);
  return {owner, fence};
}

/** A lost connection frees nothing more: the lease ends by itself. */
async function freeDeviceLock(machine: Machine, owner: string, letsGo: boolean): Promise<void> {
  const args = ['free', owner, '0', ...(letsGo ? ['let-go'] : [])];
  await machine.run(deviceScript('lock', ...args), {timeoutMs: 3000}).catch(() => {});
}

/**
 * Holds a device that nobody has locked for a rollout a while longer, or lets it go with 0.
 * @returns whether it was still held for that one
 */
export async function holdDevice(machine: Machine, rollout: string, seconds: number): Promise<boolean> {
  const held = await machine.run(deviceScript('lock', 'hold', rollout, String(seconds)));
  if (held.exitStatus === 8) return false;
  requireSuccess(machine, held);
  return true;
}
