import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {z} from 'zod';
import {EXIT, ExpectedError} from '../../errors.ts';
import {readBootId, STATE_FILE} from '../agent/agentState.ts';
import {findProgramPath} from '../programPath.ts';
import {pointLink, readJsonFile, readLinkName} from './deviceFiles.ts';
import {readUptimeMs} from './deviceLedger.ts';
import {withDeviceMutex} from './deviceMutex.ts';
import {requireFence} from './fence.ts';
import {requireSettled, writePending} from './pendingSwitch.ts';
import {passStep} from './persistedSteps.ts';
import {startDetached, tellAgent} from './tellAgent.ts';

const countingState = z.looseObject({attempts: z.number()});

export interface SwitchOptions {
  readonly release: string;
  readonly runtimeHex: string;
  readonly transaction: string;
  readonly fence: number;
  readonly confirmWithinMs: number;
}

export interface SwitchResult {
  readonly transaction: string;
  readonly from: string | null;
  readonly deadlineUptimeMs: number;
  /** What the agent had counted when it was told: whatever it says with the same number is of before. */
  readonly attemptsBefore: number;
}

/**
 * Makes an admitted release the current one. What to go back to, and when, is on the disk before anything changes; from
 * then on the device goes back by itself unless somebody confirms in time.
 * @throws ExpectedError `lock-lost`, `release-not-admitted`, `switch-pending`
 */
export async function switchRelease(home: string, options: SwitchOptions): Promise<SwitchResult> {
  const {release, runtimeHex, transaction, fence} = options;
  return withDeviceMutex(home, async () => {
    await requireFence(home, fence);
    if (!existsSync(join(home, 'releases', release, 'envelope.json')))
      throw new ExpectedError(
        'release-not-admitted',
        `Release ${release} was never checked on this device.`,
        EXIT.stale,
        {hints: ['edgewise push PLAN']},
      );
    await requireSettled(home);
    const current = await readLinkName(join(home, 'current'));
    // A link to nowhere is nothing to go back to.
    const from = current !== null && existsSync(join(home, 'releases', current)) ? current : null;
    const fromPrevious = await readLinkName(join(home, 'previous'));
    const deadlineUptimeMs = (await readUptimeMs()) + options.confirmWithinMs;
    await writePending(home, {
      formatVersion: 1,
      transaction,
      to: release,
      toRuntime: runtimeHex,
      from,
      fromPrevious,
      fromRuntime: await readLinkName(join(home, 'runtime/current')),
      deadlineUptimeMs,
      bootId: await readBootId(),
      fence,
    });
    passStep('switch:pending');
    startDetached([process.execPath, findProgramPath(), 'watch', '--home', home]);
    passStep('switch:watched');
    await pointLink(join(home, 'runtime/current'), runtimeHex);
    passStep('switch:runtime');
    if (from !== null && from !== release) await pointLink(join(home, 'previous'), `releases/${from}`);
    passStep('switch:previous');
    await requireFence(home, fence);
    await pointLink(join(home, 'current'), `releases/${release}`);
    passStep('switch:current');
    const attempts = (await readJsonFile(join(home, STATE_FILE), countingState))?.attempts ?? 0;
    const told = await tellAgent(home, runtimeHex);
    passStep('switch:told');
    return {transaction, from, deadlineUptimeMs, attemptsBefore: told === 'reloaded' ? attempts : 0};
  });
}
