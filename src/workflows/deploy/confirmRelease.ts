import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {ExpectedError} from '../../errors.ts';
import type {ActivatedRelease} from './activateRelease.ts';
import {passControllerStep} from './controllerSteps.ts';
import {isServing, readDeviceTruth} from './readDeviceTruth.ts';
import {runDeviceProgram} from './runOnDevice.ts';

const confirmed = z.object({release: z.string(), counter: z.number()});
export type ConfirmedRelease = z.infer<typeof confirmed>;

/** A device whose processes have all ended completes its decision after 3 s, once it runs again. */
const SETTLES_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 500;

/**
 * Makes a switch final, and removes what is too old then. `withNewConnection` must not reuse the connection that the switch went over: the old one survives
 * a firewall mistake. Success is what the device reads back from its disk, and nothing else: where the program that was to confirm it has given no answer,
 * the device is asked over another new connection what became of the switch.
 * @throws ExpectedError `confirmation-refused`, `device-unreachable` (the device then goes back by itself)
 */
export async function confirmRelease(
  withNewConnection: <T>(work: (machine: Machine) => Promise<T>) => Promise<T>,
  activated: Pick<ActivatedRelease, 'program' | 'transaction' | 'release'>,
  /** Releases to leave on the device, always with the current, the previous and an open switch's. */
  keepCount: number,
): Promise<ConfirmedRelease> {
  const {program, transaction} = activated;
  const args = ['confirm', '--transaction', transaction, '--keep', String(keepCount)];
  const ask = (machine: Machine) => runDeviceProgram(machine, program, args, confirmed);
  let wasAsked = false;
  const answer = await withNewConnection(machine => {
    wasAsked = true;
    return ask(machine);
  }).catch((error: unknown) => {
    if (!wasAsked || isRefusal(error)) throw error;
    return withNewConnection(machine => readBack(machine, activated, ask, error));
  });
  passControllerStep('release:confirmed');
  return answer;
}

/** What became of a confirmation without an answer; where nothing came of it, `error` says why. */
async function readBack(
  machine: Machine,
  {transaction, release}: Pick<ActivatedRelease, 'transaction' | 'release'>,
  /** Twice is the same as once. */
  askAgain: (machine: Machine) => Promise<ConfirmedRelease>,
  error: unknown,
): Promise<ConfirmedRelease> {
  const startedAt = performance.now();
  for (;;) {
    const truth = await readDeviceTruth(machine);
    const {ledger, openSwitch} = truth;
    const isConfirmed = ledger?.confirmed?.transaction === transaction;
    const isOpen = openSwitch?.pending.transaction === transaction && openSwitch.state !== 'reverting';
    if (isConfirmed && !isOpen && isServing(truth, release)) return {release, counter: ledger.counter};
    const isOver = performance.now() - startedAt > SETTLES_WITHIN_MS;
    if (isOver || !(isConfirmed || isOpen)) throw error;
    if (isOpen)
      await askAgain(machine).catch((again: unknown) => {
        if (isRefusal(again)) throw again;
      });
    await sleep(LOOK_EVERY_MS);
  }
}

/** The device's own verdict, unlike a process that ended before it gave one. */
function isRefusal(error: unknown): boolean {
  return error instanceof ExpectedError && error.code === 'confirmation-refused';
}
