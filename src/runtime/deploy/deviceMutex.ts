import {link, readFile, rm, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {EXIT, ExpectedError} from '../../errors.ts';
import {readBootId} from '../agent/agentState.ts';

const MUTEX_FILE = 'deploying';
const WAIT_MS = 60_000;

/**
 * Runs `work` while no other process of this device switches, confirms or takes back. Unlike the controllers' lock it
 * ends with its process: a pid that is gone, or of another boot, holds nothing.
 */
export async function withDeviceMutex<T>(home: string, work: () => Promise<T>): Promise<T> {
  const path = join(home, MUTEX_FILE);
  const mine = join(home, `.${MUTEX_FILE}.${process.pid}`);
  const bootId = await readBootId();
  await writeFile(mine, `${process.pid} ${bootId}\n`);
  try {
    for (let waitedMs = 0; ; waitedMs += 50) {
      const isMine = await link(mine, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
          return false;
        },
      );
      if (isMine) break;
      const [pid = '', boot] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
      if (pid !== '' && (boot !== bootId || !isAlive(Number(pid)))) await unlink(path).catch(() => {});
      else if (waitedMs > WAIT_MS)
        throw new ExpectedError('device-busy', `Process ${pid} has been switching for a minute.`, EXIT.stale);
      else await sleep(50);
    }
  } finally {
    await rm(mine, {force: true});
  }
  try {
    return await work();
  } finally {
    await rm(path, {force: true});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
