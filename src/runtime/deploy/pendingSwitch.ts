import {existsSync} from 'node:fs';
import {mkdir, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {pendingSchema, type Pending} from '../../documents/deployment.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {readBootId} from '../agent/agentState.ts';
import {readJsonFile, syncFolder, writeDurably} from './deviceFiles.ts';
import {readUptimeMs} from './deviceLedger.ts';

/**
 * A switch is in exactly one of these files: nobody has decided yet, it is being confirmed, it is being taken back.
 * The decision is one rename of `pending.json`: of a confirmation and a take-back at the same moment one wins.
 */
const FILES = {pending: 'pending.json', confirming: 'confirming.json', reverting: 'reverting.json'} as const;
export type SwitchState = keyof typeof FILES;
/** The switch that brought a confirmed release, by the release's name: it says what to go back to. */
const ORIGINS_FOLDER = 'switches';

export async function readSwitch(home: string, state: SwitchState): Promise<Pending | null> {
  return readJsonFile(join(home, FILES[state]), pendingSchema);
}

export async function writePending(home: string, pending: Pending): Promise<void> {
  await writeDurably(join(home, FILES.pending), `${JSON.stringify(pending)}\n`);
}

/** @throws ExpectedError `switch-pending` */
export async function requireSettled(home: string): Promise<void> {
  for (const state of ['pending', 'confirming', 'reverting'] as const) {
    const open = await readSwitch(home, state);
    if (open === null) continue;
    throw new ExpectedError(
      'switch-pending',
      `The switch to release ${open.to} is not settled yet (${state}).`,
      EXIT.stale,
      {hints: ['edgewise push PLAN']},
    );
  }
}

/** A decision to go back from a release that was confirmed long ago: from here on it is carried out, whoever dies. */
export async function writeReverting(home: string, reverting: Pending): Promise<void> {
  await writeDurably(join(home, FILES.reverting), `${JSON.stringify(reverting)}\n`);
}

/** Whether this call was the one that decided. */
export async function decide(home: string, how: 'confirming' | 'reverting'): Promise<boolean> {
  try {
    await rename(join(home, FILES.pending), join(home, FILES[how]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  await syncFolder(home);
  return true;
}

export async function forgetSwitch(home: string, state: SwitchState): Promise<void> {
  await rm(join(home, FILES[state]), {force: true});
  await syncFolder(home);
}

/** Ends a confirmation. What is current from another switch already keeps its origin. */
export async function keepOrigin(home: string, {from, to}: Pending): Promise<void> {
  if (from === to) return forgetSwitch(home, 'confirming');
  const folder = join(home, ORIGINS_FOLDER);
  await mkdir(folder, {recursive: true});
  await rename(join(home, FILES.confirming), join(folder, `${to}.json`));
  await syncFolder(folder);
  await syncFolder(home);
}

/** What a release replaced: a release that is still there, or none; `null` where nobody knows any more. */
export async function readOrigin(home: string, release: string): Promise<{from: string | null} | null> {
  const origin = await readJsonFile(join(home, ORIGINS_FOLDER, `${release}.json`), pendingSchema);
  if (origin === null) return null;
  const {from} = origin;
  return from === null || existsSync(join(home, 'releases', from)) ? {from} : null;
}

export async function forgetOrigin(home: string, release: string): Promise<void> {
  await rm(join(home, ORIGINS_FOLDER, `${release}.json`), {force: true});
}

/** Milliseconds until the switch is taken back; 0 when it is time, also after a restart of the device. */
export async function timeLeftMs(pending: Pending): Promise<number> {
  if (pending.bootId !== (await readBootId())) return 0;
  return Math.max(0, pending.deadlineUptimeMs - (await readUptimeMs()));
}
