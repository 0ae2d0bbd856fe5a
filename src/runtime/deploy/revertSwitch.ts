import {existsSync} from 'node:fs';
import {join} from 'node:path';
import type {Pending} from '../../documents/deployment.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {pointLink, readLinkName} from './deviceFiles.ts';
import {readLedger, withBadRelease, writeLedger, type BadKind} from './deviceLedger.ts';
import {withDeviceMutex} from './deviceMutex.ts';
import {finishConfirmation} from './confirmSwitch.ts';
import {decide, forgetSwitch, readSwitch, timeLeftMs} from './pendingSwitch.ts';
import {passStep} from './persistedSteps.ts';
import {stopSupervisor, tellAgent} from './tellAgent.ts';

export interface RevertResult {
  readonly reverted: string | null;
  readonly current: string | null;
}

/** Takes an unconfirmed switch back now; nothing happens where there is none, or only another one. */
export async function revertSwitch(
  home: string,
  {transaction, ...why}: {transaction: string | null; kind: BadKind; reason: string},
): Promise<RevertResult> {
  return withDeviceMutex(home, async () => {
    const pending = await readSwitch(home, 'pending');
    const isMeant = pending !== null && (transaction === null || pending.transaction === transaction);
    if (isMeant && (await decide(home, 'reverting'))) passStep('revert:claimed');
    const reverted = await finishReversal(home, why);
    return {reverted, current: await readLinkName(join(home, 'current'))};
  });
}

/**
 * Brings whatever is under way to its end: a decision that was made is carried out, a switch whose time is over (or that
 * was made before the device was restarted) is taken back.
 */
export async function settleSwitch(home: string): Promise<void> {
  await withDeviceMutex(home, async () => {
    const confirming = await readSwitch(home, 'confirming');
    if (confirming !== null) await finishConfirmation(home, confirming);
    const pending = await readSwitch(home, 'pending');
    if (pending !== null && (await timeLeftMs(pending)) === 0 && (await decide(home, 'reverting')))
      passStep('revert:claimed');
    await finishReversal(home, {kind: 'unconfirmed', reason: 'it was not confirmed in time'});
  });
}

/** Goes back to the release before the current one, long after that was confirmed. */
export async function rollBack(home: string, {reason}: {reason: string}): Promise<RevertResult> {
  return withDeviceMutex(home, async () => {
    const current = await readLinkName(join(home, 'current'));
    const previous = await readLinkName(join(home, 'previous'));
    if (previous === null || current === null || !existsSync(join(home, 'releases', previous)))
      throw new ExpectedError(
        'nothing-to-go-back-to',
        'This device has no release before the current one.',
        EXIT.stale,
        {hints: ['edgewise push PLAN']},
      );
    const runtime = await readLinkName(join(home, 'runtime/current'));
    const ledger = await readLedger(home);
    await writeLedger(home, withBadRelease(ledger, current, {kind: 'unhealthy', reason}));
    await pointLink(join(home, 'current'), `releases/${previous}`);
    await pointLink(join(home, 'previous'), null);
    if (runtime !== null) await tellAgent(home, runtime);
    return {reverted: current, current: previous};
  });
}

async function finishReversal(home: string, why: {kind: BadKind; reason: string}): Promise<string | null> {
  const reverting = await readSwitch(home, 'reverting');
  if (reverting === null) return null;
  await goBack(home, reverting, why);
  await forgetSwitch(home, 'reverting');
  passStep('revert:done');
  return reverting.to;
}

/** Every step may be repeated: a power cut in the midst of it starts it anew. */
async function goBack(home: string, pending: Pending, why: {kind: BadKind; reason: string}): Promise<void> {
  const {from, fromPrevious, fromRuntime, to} = pending;
  await pointLink(join(home, 'current'), from === null ? null : `releases/${from}`);
  passStep('revert:current');
  await pointLink(join(home, 'previous'), fromPrevious === null ? null : `releases/${fromPrevious}`);
  passStep('revert:previous');
  if (fromRuntime !== null) await pointLink(join(home, 'runtime/current'), fromRuntime);
  passStep('revert:runtime');
  if (from !== to) await writeLedger(home, withBadRelease(await readLedger(home), to, why));
  passStep('revert:remembered');
  if (from === null) await stopSupervisor(home);
  else await tellAgent(home, fromRuntime ?? pending.toRuntime);
  passStep('revert:told');
}
