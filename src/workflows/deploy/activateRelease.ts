import {randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';
import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {passControllerStep} from './controllerSteps.ts';
import type {DeviceLock} from './deviceLock.ts';
import {isServing, readDeviceTruth} from './readDeviceTruth.ts';
import {runDeviceProgram, type DeviceProgram} from './runOnDevice.ts';

/** How long an agent may take from the switch to serving: a slow device loads its runtime and model from flash. */
const START_DEADLINE_MS = 120_000;
/** No agent loads a model sooner, and each look costs the device a few dozen processes. */
const FIRST_LOOK_MS = 200;
const LOOK_AT_LEAST_EVERY_MS = 1000;
/** Loading, asking the golden inputs and confirming; after that the device goes back by itself. */
export const CONFIRM_WITHIN_MS = 300_000;

export interface ActivatedRelease {
  readonly release: string;
  readonly program: DeviceProgram;
  /** Names this switch to the device: what is confirmed or taken back is this one and no other. */
  readonly transaction: string;
  readonly from: string | null;
}

const switched = z.object({
  transaction: z.string(),
  from: z.string().nullable(),
  deadlineUptimeMs: z.number(),
  /** How often the agent had been told to load something when it was told to load this. */
  attemptsBefore: z.number(),
});

/**
 * Switches the device to a staged release and waits until its agent serves it. From here on the device goes back by itself
 * unless it is confirmed within `confirmWithinMs`.
 * @throws ExpectedError `lock-lost`, `switch-pending`, `release-not-serving` (the caller takes the switch back)
 */
export async function activateRelease(
  machine: Machine,
  lock: DeviceLock,
  {release, program}: {readonly release: string; readonly program: DeviceProgram},
  {
    confirmWithinMs = CONFIRM_WITHIN_MS,
    onSwitched,
  }: {
    confirmWithinMs?: number;
    /** Called once the device has switched, before it is known whether the release comes up. */
    onSwitched?: (activated: ActivatedRelease) => void;
  } = {},
): Promise<ActivatedRelease> {
  const transaction = `${lock.fence}-${randomBytes(6).toString('hex')}`;
  const args = [
    'switch',
    ...['--release', release, '--runtime', program.runtimeHex, '--transaction', transaction],
    ...['--fence', String(lock.fence), '--confirm-within-ms', String(confirmWithinMs)],
  ];
  const {from, attemptsBefore} = await runDeviceProgram(machine, program, args, switched);
  const activated = {release, program, transaction, from};
  onSwitched?.(activated);
  passControllerStep('release:switched');
  await waitUntilServing(machine, release, attemptsBefore);
  passControllerStep('release:loaded');
  return activated;
}

/**
 * Waits for the agent to say that it serves the release.
 * @throws ExpectedError `release-not-serving` with what the agent says, or after two minutes
 */
export async function waitUntilServing(
  machine: Machine,
  release: string,
  attemptsBefore: number,
): Promise<void> {
  const notServing = (why: string) =>
    new ExpectedError(
      'release-not-serving',
      `Release ${release} did not come up on ${machine.name}: ${why}`,
      EXIT.commandFailed,
      {hints: [`ssh ${machine.name} cat .edgewise/agent.log`]},
    );
  const deadline = Date.now() + START_DEADLINE_MS;
  for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 1.5, LOOK_AT_LEAST_EVERY_MS)) {
    await sleep(waitMs);
    const truth = await readDeviceTruth(machine);
    if (isServing(truth, release)) return;
    if (truth.currentRelease !== release)
      throw notServing(`the device has gone back to ${truth.currentRelease ?? 'no release'}.`);
    const {error, attempts = 0} = truth.agent ?? {};
    if (error !== undefined && error !== null && attempts > attemptsBefore)
      throw notServing(`the agent says: ${messageFrom(error)}`);
    if (Date.now() > deadline) throw notServing(`it was not serving after ${START_DEADLINE_MS / 1000} s.`);
  }
}

function messageFrom(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return typeof error === 'string' ? error : JSON.stringify(error ?? 'nothing');
}
