import {spawn} from 'node:child_process';
import {findProgramPath} from '../programPath.ts';
import {isSwitchOpen} from './watchSwitch.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Sees to it that an open switch has a watcher, also after a restart of the device. The watcher is a process of its own:
 * taking a switch back may mean ending this one. Returns how to stop.
 */
export function keepWatching(home: string): () => void {
  let hasWatcher = false;
  const look = async (): Promise<void> => {
    if (hasWatcher || !(await isSwitchOpen(home)) || hasWatcher) return;
    hasWatcher = true;
    const watcher = spawn(process.execPath, [findProgramPath(), 'watch', '--home', home], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: '/',
    });
    const forget = (): void => {
      hasWatcher = false;
    };
    watcher.on('exit', forget);
    watcher.on('error', forget);
    watcher.unref();
  };
  void look();
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  return () => clearInterval(timer);
}
