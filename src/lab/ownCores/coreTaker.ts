import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {EXIT, ExpectedError} from '../../errors.ts';
import {findProgram, readAllowedCores} from '../corePinning.ts';
import {siblingModule} from '../siblingModule.ts';
import type {CoreTakerSettings, TakerReport} from './takerControl.ts';

export interface CoreTaker {
  readonly pid: number;
  /** Gives the cores back. */
  close(): Promise<void>;
}

/**
 * Makes all that runs on a device's cores take `slowdown` times as long, by taking them in real time.
 * `onCrash` hears of an unexpected end; the device is at full speed then.
 * @throws ExpectedError `lab-cores-unavailable` where another lab takes one of them
 */
export async function startCoreTaker(
  settings: CoreTakerSettings,
  onCrash: (reason: string) => void = () => {},
): Promise<CoreTaker> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(siblingModule(import.meta.url, 'coreTakerProcess')), JSON.stringify(settings)],
    // In a session of its own, so that what it does to itself there is nobody else's: see coreTakerProcess.ts.
    {stdio: ['pipe', 'pipe', 'inherit'], detached: true},
  );
  child.stdin.on('error', () => {});
  let isClosing = false;
  const ended = new Promise<void>(resolve => {
    child.once('exit', status => {
      if (!isClosing) onCrash(`What takes the device's cores ended with status ${String(status)}.`);
      resolve();
    });
  });
  const lines = createInterface({input: child.stdout});
  const said = await new Promise<TakerReport>((resolve, reject) => {
    lines.once('line', line => resolve(JSON.parse(line) as TakerReport));
    child.once('error', reject);
    child.once('exit', status => reject(new Error(`it ended with status ${String(status)} at once`)));
  });
  if (said.event === 'held-by-another') {
    isClosing = true;
    await ended;
    throw new ExpectedError(
      'lab-cores-unavailable',
      `Core ${said.core} is a device's in another lab that takes its devices' cores.`,
      EXIT.unsupported,
      {hints: ['edgewise lab down, in the folder of that lab', 'edgewise lab up']},
    );
  }
  return {
    pid: child.pid ?? 0,
    async close() {
      isClosing = true;
      child.stdin.end();
      await ended;
    },
  };
}

/** @throws ExpectedError `lab-cores-unavailable` where so many cores cannot be taken, and why */
export function requireOwnCores(count: number, allowed = readAllowedCores()): void {
  const refuse = (reason: string): never => {
    throw new ExpectedError('lab-cores-unavailable', reason, EXIT.unsupported, {
      hints: ['edgewise lab up'],
    });
  };
  if (process.getuid?.() !== 0) refuse('Only root may take cores away in real time.');
  if (findProgram('chrt') === null || findProgram('taskset') === null)
    refuse('chrt and taskset (util-linux), with which cores are taken away, are not installed.');
  if (count >= allowed.length)
    refuse(
      `Devices and gateways have ${count} cores of their own together, and this machine has ${allowed.length}: one must be left for the rest.`,
    );
}
