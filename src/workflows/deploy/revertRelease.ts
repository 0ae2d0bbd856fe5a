import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {waitUntilServing} from './activateRelease.ts';
import {readDeviceTruth, type DeviceTruth} from './readDeviceTruth.ts';
import {runDeviceProgram, type DeviceProgram} from './runOnDevice.ts';

const reverted = z.object({reverted: z.string().nullable(), current: z.string().nullable()});

export interface RevertedRelease {
  /** What was taken back; `null` where there was nothing to take back any more. */
  readonly reverted: string | null;
  /** What serves now. */
  readonly current: string | null;
}

/**
 * Takes an unconfirmed switch back (the one of `transaction`, or whichever is open) and waits until the release before it
 * serves again. The device remembers the release as bad.
 * @throws ExpectedError `rollback-failed` (exit 15) when the old release does not serve again
 */
export async function revertRelease(
  machine: Machine,
  program: DeviceProgram,
  {
    transaction,
    reason,
    kind = 'unhealthy',
  }: {
    readonly transaction: string | null;
    readonly reason: string;
    /** Only what was found unhealthy is not taken again. */
    readonly kind?: 'unhealthy' | 'unconfirmed';
  },
): Promise<RevertedRelease> {
  const args = [
    'revert',
    ...(transaction === null ? [] : ['--transaction', transaction]),
    ...['--kind', kind, '--reason', reason],
  ];
  return goBack(machine, program, args, reason);
}

/**
 * Goes back from a confirmed release to the one before it.
 * @throws ExpectedError `nothing-to-go-back-to`, `rollback-failed`
 */
export async function rollBackRelease(
  machine: Machine,
  program: DeviceProgram,
  reason: string,
): Promise<RevertedRelease> {
  return goBack(machine, program, ['roll-back', '--reason', reason], reason);
}

/** Lets the device finish what an earlier controller left open; the device's truth afterwards. */
export async function settleOpenSwitch(machine: Machine, truth: DeviceTruth): Promise<DeviceTruth> {
  const {openSwitch, home} = truth;
  if (openSwitch === null) return truth;
  const program = {home, runtimeHex: openSwitch.pending.toRuntime};
  await revertRelease(machine, program, {
    transaction: openSwitch.pending.transaction,
    kind: 'unconfirmed',
    reason: 'its controller did not come back to confirm it',
  });
  return readDeviceTruth(machine);
}

async function goBack(
  machine: Machine,
  program: DeviceProgram,
  args: readonly string[],
  because: string,
): Promise<RevertedRelease> {
  try {
    const attemptsBefore = (await readDeviceTruth(machine)).agent?.attempts ?? 0;
    const result = await runDeviceProgram(machine, program, args, reverted);
    if (result.current !== null) await waitUntilServing(machine, result.current, attemptsBefore);
    return result;
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-to-go-back-to') throw error;
    throw new ExpectedError(
      'rollback-failed',
      `${machine.name} could not be taken back (${messageOf(error)}) after: ${because}`,
      EXIT.rollbackFailed,
      {hints: [`ssh ${machine.name} cat .edgewise/agent.log`], cause: error},
    );
  }
}
