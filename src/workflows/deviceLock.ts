import {randomBytes} from 'node:crypto';
import {hostname} from 'node:os';
import type {Machine} from '../device/machine.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {deviceScript} from '../workspace/deviceScript.ts';
import {whenInterrupted} from './interruption.ts';
import {requireSuccess} from './shipFiles.ts';

/** A controller that dies leaves the device locked for at most this long; one that lives renews its lease. */
const LEASE_SECONDS = 120;
const RENEW_EVERY_MS = 40_000;

/**
 * Runs `work` while this controller holds the device's lock; Ctrl-C gives it back.
 * @throws ExpectedError `device-locked` (exit 14) naming the holder and for how long
 */
export async function withDeviceLock<T>(machine: Machine, work: () => Promise<T>): Promise<T> {
  const owner = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
  const take = () => machine.run(deviceScript('lock', 'take', owner, String(LEASE_SECONDS)));
  // A lost connection frees nothing more: the lease ends by itself.
  const free = async (): Promise<void> => {
    await machine.run(deviceScript('lock', 'free', owner, '0'), {timeoutMs: 3000}).catch(() => {});
  };
  const taken = await take();
  if (taken.exitStatus === 7) {
    const [holder = 'another controller', seconds = '?'] = taken.stdout.trim().split(' ');
    throw new ExpectedError(
      'device-locked',
      `${machine.name} is being changed by ${holder}; its lock ends in ${seconds} s.`,
      EXIT.stale,
    );
  }
  requireSuccess(machine, taken);
  // A renewal that fails is told by whatever the work does next over the same connection.
  const renewal = setInterval(() => void take().catch(() => {}), RENEW_EVERY_MS);
  try {
    return await whenInterrupted(free, work);
  } finally {
    clearInterval(renewal);
    await free();
  }
}
