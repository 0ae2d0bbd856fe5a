import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {envelopeSchema, statementSchema, type Pending} from '../../documents/deployment.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {STATE_FILE} from '../agent/agentState.ts';
import {readJsonFile, readLinkName} from './deviceFiles.ts';
import {readLedger, withConfirmed, writeLedger} from './deviceLedger.ts';
import {withDeviceMutex} from './deviceMutex.ts';
import {decide, keepOrigin, readSwitch, timeLeftMs} from './pendingSwitch.ts';
import {passStep} from './persistedSteps.ts';

const servingState = z.looseObject({status: z.string(), release: z.string().nullable(), pid: z.number()});

/**
 * Makes the pending switch the device's choice. Asking twice is the same as once; what the device remembers afterwards is
 * the answer.
 * @throws ExpectedError `confirmation-refused` when the switch was taken back meanwhile, or its release does not serve
 */
export async function confirmSwitch(
  home: string,
  transaction: string,
): Promise<{transaction: string; release: string; counter: number}> {
  return withDeviceMutex(home, async () => {
    const decided = await readSwitch(home, 'confirming');
    if (decided?.transaction === transaction) await finishConfirmation(home, decided);
    const {confirmed} = await readLedger(home);
    if (confirmed?.transaction === transaction) return answer(home, transaction);
    const pending = await readSwitch(home, 'pending');
    if (pending?.transaction !== transaction) throw refused('it was taken back, or replaced by another one');
    if ((await timeLeftMs(pending)) === 0) throw refused('the time for it is over');
    await requireServing(home, pending);
    if (!(await decide(home, 'confirming'))) throw refused('it was taken back at this very moment');
    passStep('confirm:claimed');
    await finishConfirmation(home, pending);
    return answer(home, transaction);
  });
}

/** From the decision on there is no way back: whoever finds it half-done completes it. */
export async function finishConfirmation(home: string, pending: Pending): Promise<void> {
  const counter = await readCounter(home, pending.to);
  const ledger = await readLedger(home);
  await writeLedger(
    home,
    withConfirmed(ledger, {transaction: pending.transaction, release: pending.to, counter}),
  );
  passStep('confirm:remembered');
  await keepOrigin(home, pending);
  passStep('confirm:done');
}

async function answer(home: string, transaction: string) {
  const {confirmed, counter} = await readLedger(home);
  const current = await readLinkName(join(home, 'current'));
  if (confirmed?.transaction !== transaction || confirmed.release !== current)
    throw refused(`${current ?? 'no release'} is current`);
  return {transaction, release: confirmed.release, counter};
}

async function requireServing(home: string, {to}: Pending): Promise<void> {
  const current = await readLinkName(join(home, 'current'));
  const state = await readJsonFile(join(home, STATE_FILE), servingState);
  const isAlive =
    state !== null && (await readFile(`/proc/${state.pid}/cmdline`, 'utf8').catch(() => '')).includes(home);
  if (current === to && isAlive && state.status === 'serving' && state.release === to) return;
  throw refused(`release ${to} is not being served`);
}

async function readCounter(home: string, release: string): Promise<number> {
  const envelope = await readJsonFile(join(home, 'releases', release, 'envelope.json'), envelopeSchema);
  if (envelope === null) return 0;
  return statementSchema.parse(JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'))).counter;
}

function refused(why: string): ExpectedError {
  return new ExpectedError(
    'confirmation-refused',
    `The switch cannot be confirmed: ${why}.`,
    EXIT.commandFailed,
    {
      hints: ['ssh DEVICE cat .edgewise/agent.log'],
    },
  );
}
