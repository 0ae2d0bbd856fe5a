import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {Worker} from 'node:worker_threads';
import {readAllowedCores, pinProcess, runAsUsual} from '../corePinning.ts';
import {siblingModule} from '../siblingModule.ts';
import {CONTROL, createControl, type CoreTakerSettings} from './takerControl.ts';

// Takes a device's cores as a process of its own, until its end of stdin closes. Whatever ends it, the device is at full
// speed again: nothing was stopped.

const {slowdown, deviceCores} = JSON.parse(process.argv[2] ?? '') as CoreTakerSettings;
pinProcess(readAllowedCores().filter(core => !deviceCores.includes(core)));
try {
  // Where the kernel shares time out among sessions first, a thread of idle priority counts as much as the device's.
  writeFileSync('/proc/self/autogroup', '19');
} catch {
  // It does not.
}
const controls: Int32Array[] = [];
const idleThreads: number[] = [];
for (const core of deviceCores) {
  const control = createControl();
  controls.push(new Int32Array(control));
  const idleClock = start('idleClock', {core, control});
  idleThreads.push((await once(idleClock, 'message'))[0] as number);
  await once(start('coreTakerLoop', {core, slowdown, control}), 'message');
}
process.stdout.write(`${JSON.stringify({event: 'taking', pid: process.pid})}\n`);
process.stdin.resume();
process.stdin.once('close', close);
process.on('SIGTERM', () => process.stdin.destroy());

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
