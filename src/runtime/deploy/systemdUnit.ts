import {execFile} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);
const UNIT = 'edgewise-agent.service';
const TIMEOUT_MS = 30_000;

/** The systemd unit that keeps this home's agent. */
export interface SystemdUnit {
  /** Whether this process belongs to it. */
  keeps(pid: number): Promise<boolean>;
  restart(): Promise<void>;
  /** Returns before it has ended: who asks may be one of its own processes. */
  stop(): Promise<void>;
}

/** `null` where nobody installed one for this home. */
export async function findUnit(home: string): Promise<SystemdUnit | null> {
  const uid = process.getuid?.() ?? 0;
  const folder = uid === 0 ? '/etc/systemd/system' : join(dirname(home), '.config/systemd/user');
  const text = await readFile(join(folder, UNIT), 'utf8').catch(() => '');
  if (!text.includes(`--home "${home.replaceAll('%', '%%')}"`)) return null;
  const control = async (...args: string[]): Promise<void> => {
    await run('systemctl', uid === 0 ? args : ['--user', ...args], {
      timeout: TIMEOUT_MS,
      // A command over SSH need not have it.
      env: {XDG_RUNTIME_DIR: `/run/user/${uid}`, ...process.env},
    });
  };
  return {
    async keeps(pid) {
      const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
      return groups.split('\n').some(line => line.endsWith(`/${UNIT}`));
    },
    restart: () => control('restart', UNIT),
    stop: () => control('stop', '--no-block', UNIT),
  };
}
