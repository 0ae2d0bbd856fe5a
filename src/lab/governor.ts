import {spawn, type ChildProcess} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {findMarkedProcesses, sendSignal} from './deviceProcesses.ts';
import type {GovernorSettings} from './governorControl.ts';
import {siblingModule} from './siblingModule.ts';

export interface Governor {
  /** Governs this process and its descendants from now on; others that carry the marker are found within 50 ms. */
  addProcess(pid: number): void;
  readonly pid: number;
  /** Lets everything run at full speed again. */
  close(): Promise<void>;
}

/** A loop that broke is started again this often; then the device runs at full speed and the lab's log says so. */
const MAX_RESTARTS = 3;

/**
 * Makes work in a device's processes take `slowdown` times as long. The marker must be in their environment.
 * `onCrash` hears of every unexpected end of the governor; nothing stays stopped by it.
 */
export async function startGovernor(
  settings: GovernorSettings,
  onCrash: (reason: string) => void = () => {},
): Promise<Governor> {
  let isClosing = false;
  let restarts = 0;
  let child = await launch(settings);
  watch();

  function watch(): void {
    child.once('exit', (status, signal) => {
      if (isClosing) return;
      for (const pid of findMarkedProcesses(settings.marker)) sendSignal(pid, 'SIGCONT');
      onCrash(`The governor for ${settings.marker} ended with ${signal ?? `status ${String(status)}`}.`);
      restarts += 1;
      if (restarts > MAX_RESTARTS) return;
      launch(settings).then(
        started => {
          child = started;
          if (isClosing) child.stdin?.end();
          else watch();
        },
        (error: unknown) =>
          onCrash(`The governor for ${settings.marker} did not start again: ${String(error)}`),
      );
    });
  }

  return {
    get pid() {
      return child.pid ?? 0;
    },
    addProcess(pid) {
      if (child.stdin?.writable === true) child.stdin.write(`${pid}\n`);
    },
    async close() {
      isClosing = true;
      if (child.exitCode === null && child.signalCode === null) {
        const hasExited = new Promise<void>(resolve => child.once('exit', () => resolve()));
        child.stdin?.end();
        await hasExited;
      }
    },
  };
}

/** Resolves once the loop runs. */
async function launch(settings: GovernorSettings): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(siblingModule(import.meta.url, 'governorProcess')), JSON.stringify(settings)],
    {stdio: ['pipe', 'pipe', 'inherit']},
  );
  child.stdin.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    const lines = createInterface({input: child.stdout});
    lines.once('line', () => resolve());
    child.once('error', reject);
    child.once('exit', status =>
      reject(new Error(`the governor ended with status ${String(status)} before it governed`)),
    );
  });
  return child;
}
