import {rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {pendingSchema, type Pending} from '../../documents/deployment.ts';
import {readBootId} from '../agent/agentState.ts';
import {readJsonFile, syncFolder, writeDurably} from './deviceFiles.ts';
import {readUptimeMs} from './deviceLedger.ts';

/**
 * A switch is in exactly one of these files: nobody has decided yet, it is being confirmed, it is being taken back.
 * The decision is one rename of `pending.json`: of a confirmation and a take-back at the same moment one wins.
 */
const FILES = {pending: 'pending.json', confirming: 'confirming.json', reverting: 'reverting.json'} as const;
export type SwitchState = keyof typeof FILES;

export async function readSwitch(home: string, state: SwitchState): Promise<Pending | null> {
  return readJsonFile(join(home, FILES[state]), pendingSchema);
}

export async function writePending(home: string, pending: Pending): Promise<void> {
  await writeDurably(join(home, FILES.pending), `${JSON.stringify(pending)}\n`);
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

/** Milliseconds until the switch is taken back; 0 when it is time, also after a restart of the device. */
export async function timeLeftMs(pending: Pending): Promise<number> {
  if (pending.bootId !== (await readBootId())) return 0;
  return Math.max(0, pending.deadlineUptimeMs - (await readUptimeMs()));
}
