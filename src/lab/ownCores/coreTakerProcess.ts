import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {Worker} from 'node:worker_threads';
import {readAllowedCores, pinProcess, runAsUsual} from '../corePinning.ts';
import {shareWords} from '../sharedWords.ts';
import {siblingModule} from '../siblingModule.ts';
import {holdCore} from './holdCore.ts';
import {CONTROL, type CoreTakerSettings, type TakerReport} from './takerControl.ts';

// Takes a device's cores as a process of its own, until its end of stdin closes. Whatever ends it, the device is at full
// speed again: nothing was stopped.

const {slowdown, deviceCores} = JSON.parse(process.argv[2] ?? '') as CoreTakerSettings;
const controls: Int32Array[] = [];
const idleThreads: number[] = [];
const other = await holdAll();
if (other === null) await take();
else {
  say({event: 'held-by-another', core: other});
  process.exitCode = 1;
}

/** The first core that another lab has; `null` where none is. */
async function holdAll(): Promise<number | null> {
  for (const core of deviceCores) if (!(await holdCore(core))) return core;
  return null;
}

async function take(): Promise<void> {
  pinProcess(readAllowedCores().filter(core => !deviceCores.includes(core)));
  try {
    // Where the kernel shares time out among sessions first, a thread of idle priority counts as much as the device's.
    writeFileSync('/proc/self/autogroup', '19');
  } catch {
    // It does not.
  }
  for (const core of deviceCores) {
    const control = shareWords(CONTROL.end);
    controls.push(new Int32Array(control));
    const idleClock = start('idleClock', {core, control});
    idleThreads.push((await once(idleClock, 'message'))[0] as number);
    await once(start('coreTakerLoop', {core, slowdown, control}), 'message');
  }
  say({event: 'taking', pid: process.pid});
  process.stdin.resume();
  process.stdin.once('close', close);
  process.on('SIGTERM', () => process.stdin.destroy());
}

function say(report: TakerReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function start(name: string, workerData: object): Worker {
  const worker = new Worker(siblingModule(import.meta.url, name), {workerData});
  worker.once('error', (error: Error) => {
    process.stderr.write(`The device's cores are not taken: ${error.message}\n`);
    process.exitCode = 70;
    close();
    process.stdin.destroy();
  });
  return worker;
}

function close(): void {
  for (const control of controls) Atomics.store(control, CONTROL.isClosing, 1);
  // On a busy machine they would not get the moment they need for ending.
  for (const thread of idleThreads) runAsUsual(thread);
}
