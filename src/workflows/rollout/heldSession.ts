import {setTimeout as sleep} from 'node:timers/promises';
import type {Machine} from '../../device/machine.ts';
import {ExpectedError} from '../../errors.ts';
import {withDeviceLock, type DeviceLock, type LockClaim} from '../deploy/deviceLock.ts';

export type WithMachine = <T>(work: (machine: Machine) => Promise<T>) => Promise<T>;

export interface Holding {
  readonly withMachine: WithMachine;
  /** How long a lock that somebody else holds is waited for: a controller that died leaves it until its lease ends. */
  readonly lockPatienceMs?: number;
  readonly leaseSeconds?: number;
  readonly claim?: LockClaim;
}

export interface Session {
  readonly machine: Machine;
  readonly lock: DeviceLock;
}

export interface HeldSession extends Session {
  /** `letsGo`: the device is not held for the rollout any longer. */
  end(letsGo: boolean): Promise<void>;
}

/** @throws ExpectedError `device-locked` once the patience is over */
export async function holdPatiently(
  {withMachine, leaseSeconds, claim, lockPatienceMs = 0}: Holding,
  look: (machine: Machine) => Promise<void> = async () => {},
): Promise<HeldSession> {
  const untilMs = Date.now() + lockPatienceMs;
  for (;;) {
    try {
      return await holdSession(withMachine, {leaseSeconds, ...claim}, look);
    } catch (error) {
      if (!isLocked(error) || Date.now() >= untilMs) throw error;
      await sleep(1000);
    }
  }
}

export function isLocked(error: unknown): boolean {
  return error instanceof ExpectedError && error.code === 'device-locked';
}

/** A connection with the lock on it that stays until it is ended, however many steps that takes. */
async function holdSession(
  withMachine: WithMachine,
  {leaseSeconds, ...claim}: LockClaim & {leaseSeconds: number | undefined},
  look: (machine: Machine) => Promise<void>,
): Promise<HeldSession> {
  let isLetGo = false;
  let end = (): void => {};
  const until = new Promise<void>(resolve => {
    end = resolve;
  });
  return new Promise((resolve, reject) => {
    const held = withMachine(async machine => {
      await look(machine);
      await withDeviceLock(
        machine,
        async lock => {
          resolve({
            machine,
            lock,
            async end(letsGo) {
              isLetGo = letsGo;
              end();
              await held.catch(() => {});
            },
          });
          await until;
        },
        {...claim, ...(leaseSeconds === undefined ? {} : {leaseSeconds}), letsGo: () => isLetGo},
      );
    });
    held.catch(reject);
  });
}
