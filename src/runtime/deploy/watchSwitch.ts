import {setTimeout as sleep} from 'node:timers/promises';
import {messageOf} from '../../errors.ts';
import {readSwitch, timeLeftMs} from './pendingSwitch.ts';
import {settleSwitch} from './revertSwitch.ts';

const LONGEST_NAP_MS = 500;
/** A decision that its maker has not carried out after this long is carried out by the watcher. */
const UNFINISHED_MS = 3000;

export async function isSwitchOpen(home: string): Promise<boolean> {
  for (const state of ['pending', 'confirming', 'reverting'] as const)
    if ((await readSwitch(home, state)) !== null) return true;
  return false;
}

/**
 * Ends when no switch is open any more. It is a process of its own, started before the switch: the supervisor may be the
 * very thing that the new runtime breaks.
 */
export async function watchSwitch(home: string, report: (line: string) => void): Promise<void> {
  for (let decidedForMs = 0; await isSwitchOpen(home);) {
    const pending = await readSwitch(home, 'pending');
    const leftMs = pending === null ? UNFINISHED_MS - decidedForMs : await timeLeftMs(pending);
    if (leftMs <= 0) {
      await settleSwitch(home).catch(async (error: unknown) => {
        report(`the switch could not be settled: ${messageOf(error)}`);
        await sleep(LONGEST_NAP_MS);
      });
      decidedForMs = 0;
    } else {
      const napMs = Math.min(LONGEST_NAP_MS, leftMs);
      await sleep(napMs);
      decidedForMs = pending === null ? decidedForMs + napMs : 0;
    }
  }
}
