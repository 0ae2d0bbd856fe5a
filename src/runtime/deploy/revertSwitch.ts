import {existsSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import type {Ledger, Pending} from '../../documents/deployment.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {readBootId} from '../agent/agentState.ts';
import {findProgramPath} from '../programPath.ts';
import {pointLink, readLinkName} from './deviceFiles.ts';
import {readLedger, readUptimeMs, withBadRelease, writeLedger, type BadKind} from './deviceLedger.ts';
import {withDeviceMutex} from './deviceMutex.ts';
import {finishConfirmation} from './confirmSwitch.ts';
import {
  decide,
  forgetSwitch,
  readOrigin,
  readSwitch,
  requireSettled,
  timeLeftMs,
  writeReverting,
} from './pendingSwitch.ts';
import {passStep} from './persistedSteps.ts';
import {stopServing, tellAgent} from './tellAgent.ts';

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

/**
 * Goes back to what was there before the current release, long after that was confirmed; before a device's first release
 * there was none, and none serves then. A decision like any other: whoever finds it half-done completes it.
 * @throws ExpectedError `nothing-to-go-back-to`, `switch-pending`
 */
export async function rollBack(home: string, {reason}: {reason: string}): Promise<RevertResult> {
  return withDeviceMutex(home, async () => {
    await requireSettled(home);
    const current = await readLinkName(join(home, 'current'));
    const before = current === null ? null : await findBefore(home, current);
    if (current === null || before === null)
      throw new ExpectedError(
        'nothing-to-go-back-to',
        'This device does not have what was there before the current release.',
        EXIT.stale,
        {hints: ['edgewise push PLAN']},
      );
    const {from} = before;
    const why = {kind: 'unhealthy' as const, reason};
    await writeLedger(home, withBadRelease(await readLedger(home), current, why));
    passStep('roll-back:remembered');
    await writeReverting(home, {
      formatVersion: 1,
      transaction: `roll-back-${current}`,
      to: current,
      toRuntime: (await readLinkName(join(home, 'runtime/current'))) ?? ownRuntime(),
      from,
      fromPrevious: from === null ? null : ((await readOrigin(home, from))?.from ?? null),
      // What an older release was served with before may be gone; what serves now serves it as well.
      fromRuntime: null,
      deadlineUptimeMs: await readUptimeMs(),
      bootId: await readBootId(),
      fence: 0,
    });
    passStep('roll-back:claimed');
    await finishReversal(home, why);
    return {reverted: current, current: from};
  });
}

/** `previous` says it, until a device has gone back once; then what is kept of the switch that brought the release. */
async function findBefore(home: string, current: string): Promise<{from: string | null} | null> {
  const previous = await readLinkName(join(home, 'previous'));
  if (previous !== null && existsSync(join(home, 'releases', previous))) return {from: previous};
  return previous === null ? readOrigin(home, current) : null;
}

function ownRuntime(): string {
  return basename(dirname(findProgramPath()));
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
  if (from !== to) await writeLedger(home, afterGoingBack(await readLedger(home), pending, why));
  passStep('revert:remembered');
  if (from === null) await stopServing(home);
  else await tellAgent(home, fromRuntime ?? pending.toRuntime);
  passStep('revert:told');
}

/** Where there is no release, none is confirmed. */
function afterGoingBack(ledger: Ledger, {from, to}: Pending, why: {kind: BadKind; reason: string}): Ledger {
  const remembered = withBadRelease(ledger, to, why);
  return from === null ? {...remembered, confirmed: null} : remembered;
}
