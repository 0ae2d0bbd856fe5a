import {spawn} from 'node:child_process';
import {join} from 'node:path';
import type {TestDevice} from './deployDevice.ts';
import type {TestRollout} from './rolloutFleet.ts';

interface EndedController {
  readonly code: number | null;
  readonly signal: string | null;
  /** JSON: the outcome, or the error's code and message. */
  readonly said: string;
}

/** A rollout over the devices, the first of which is its canary, by a process of its own that is ready to begin. */
export async function startController(
  workshopFolder: string,
  journalFolder: string,
  rollout: TestRollout,
  fleet: ReadonlyMap<string, TestDevice>,
  killAfter = 0,
): Promise<{begin(): Promise<EndedController>}> {
  const places = [...fleet].map(([name, {home, port}]) => `${name}=${home}=${port}`);
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, 'killedRollout.ts'),
      workshopFolder,
      journalFolder,
      String(killAfter),
      JSON.stringify(rollout),
      ...places,
    ],
    {stdio: ['pipe', 'ignore', 'pipe']},
  );
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const ended = new Promise<EndedController>(resolve =>
    child.once('close', (code, signal) => resolve({code, signal, said: said.replace('ready\n', '')})),
  );
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', () => said.includes('ready\n') && resolve());
    child.once('close', () => reject(new Error(said)));
  });
  return {
    begin() {
      child.stdin.write('go');
      return ended;
    },
  };
}
