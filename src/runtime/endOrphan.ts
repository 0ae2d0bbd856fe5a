import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {STATE_FILE} from './agent/agentState.ts';

/** A program that has not ended after this long is killed. */
export const GRACE_MS = 8000;

/** A program whose supervisor was killed goes on serving, and holds the port that its successor needs: ends it. */
export async function endOrphan(home: string, program: 'agent' | 'gateway'): Promise<void> {
  const state = await readFile(join(home, STATE_FILE), 'utf8').catch(() => '{}');
  const pid = Number(/"pid": ?(\d+)/.exec(state)?.[1] ?? 0);
  const isThere = async (): Promise<boolean> => {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    return pid > 0 && argv.includes(program) && argv.includes(home);
  };
  for (let waitedMs = 0; await isThere(); waitedMs += 50) {
    process.kill(pid, waitedMs < GRACE_MS ? 'SIGTERM' : 'SIGKILL');
    await sleep(50);
  }
}
