import {readFile} from 'node:fs/promises';
import {join} from 'node:path';

export const PID_FILE = 'supervisor.pid';

/** The pid of the live supervisor of this home, by its command line: a pid alone may belong to another program by now. */
export async function findSupervisor(home: string): Promise<number | null> {
  const pid = Number((await readFile(join(home, PID_FILE), 'utf8').catch(() => '')).trim());
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return argv.includes('supervise') && argv.includes(home) ? pid : null;
}
