import {readFile, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {EXIT, ExpectedError} from '../../errors.ts';

/**
 * The lock's newest lease must still be the caller's own: a controller that was frozen past its lease and wakes up has
 * been overtaken by a higher number and may change nothing any more. See templates/device/lock.sh.
 * @throws ExpectedError `lock-lost`
 */
export async function requireFence(home: string, fence: number): Promise<void> {
  const folder = join(home, 'locks');
  const numbers = (await readdir(folder).catch(() => [])).filter(name => /^\d+$/.test(name)).map(Number);
  const newest = Math.max(0, ...numbers);
  const [owner = '-'] = (await readFile(join(folder, String(newest)), 'utf8').catch(() => '')).split(' ');
  if (newest === fence && owner !== '-' && owner !== '') return;
  throw new ExpectedError(
    'lock-lost',
    `The lock number ${fence} was given up or overtaken by number ${newest}: another controller is at work.`,
    EXIT.stale,
    {hints: ['Push again once the other controller is done']},
  );
}
