import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import type {ActivatedRelease} from './activateRelease.ts';
import {passControllerStep} from './controllerSteps.ts';
import {runDeviceProgram} from './runOnDevice.ts';

const confirmed = z.object({transaction: z.string(), release: z.string(), counter: z.number()});

/**
 * Makes a switch final, and removes what is too old then. `withNewConnection` must not reuse the connection that the switch went over: the old one survives
 * a firewall mistake. Success is what the device reads back from its disk, and nothing else.
 * @throws ExpectedError `confirmation-refused`, `device-unreachable` (the device then goes back by itself)
 */
export async function confirmRelease(
  withNewConnection: <T>(work: (machine: Machine) => Promise<T>) => Promise<T>,
  {program, transaction}: Pick<ActivatedRelease, 'program' | 'transaction'>,
  /** Releases to leave on the device, always with the current, the previous and an open switch's. */
  keepCount: number,
): Promise<{release: string; counter: number}> {
  return withNewConnection(async machine => {
    const {release, counter} = await runDeviceProgram(
      machine,
      program,
      ['confirm', '--transaction', transaction, '--keep', String(keepCount)],
      confirmed,
    );
    passControllerStep('release:confirmed');
    return {release, counter};
  });
}
