import {Worker} from 'node:worker_threads';
import {createInterface} from 'node:readline';
import {readAllowedCores, runAsUsual} from './corePinning.ts';
import {CONTROL, type GovernorSettings} from './governorControl.ts';
import {sendSignal} from './deviceProcesses.ts';
import {shareWords} from './sharedWords.ts';
import {siblingModule} from './siblingModule.ts';

// One device's governor as a process of its own. This thread only watches: it passes on new processes, and when the loop
// breaks or the lab is gone (its end of stdin closes) nothing stays stopped. Beside the loop a thread for each of the
// device's cores keeps that one awake while the device's work pauses.

const settings = JSON.parse(process.argv[2] ?? '') as GovernorSettings;
const controlBuffer = shareWords(CONTROL.end);
const control = new Int32Array(controlBuffer);
const worker = new Worker(siblingModule(import.meta.url, 'governorWorker'), {
  workerData: {settings, control: controlBuffer},
});
const deviceCores = settings.deviceCores?.length ? settings.deviceCores : readAllowedCores();
const warmerThreads: number[] = [];
for (const [index, core] of deviceCores.entries()) {
  const warmer = new Worker(siblingModule(import.meta.url, 'coreWarmer'), {
    workerData: {core, index, control: controlBuffer},
  });
  warmer.on('message', (thread: number) => warmerThreads.push(thread));
  // Without it the device is still slow enough, only less exactly.
  warmer.on('error', (error: Error) =>
    process.stderr.write(`Core ${core} is not kept awake: ${error.message}\n`),
  );
}

// Not when the thread starts: only once it has found the device's processes.
worker.on('message', () =>
  process.stdout.write(`${JSON.stringify({event: 'governing', pid: process.pid})}\n`),
);
worker.on('error', (error: Error) => {
  process.stderr.write(`The governor's loop broke: ${error.stack ?? error.message}\n`);
  process.exitCode = 70;
});
worker.on('exit', () => {
  close();
  for (const pid of control.subarray(CONTROL.stoppedPids, CONTROL.paceNs))
    if (pid !== 0) sendSignal(pid, 'SIGCONT');
  process.stdin.destroy();
});

const lines = createInterface({input: process.stdin});
lines.on('line', line => {
  const pid = Number(line);
  if (!Number.isInteger(pid) || pid <= 1) return;
  for (let slot: number = CONTROL.announcedPids; slot < CONTROL.stoppedPids; slot += 1) {
    if (Atomics.compareExchange(control, slot, 0, pid) === 0) break;
  }
  wake();
});
lines.on('close', close);
// Ctrl-C in the terminal that started the lab reaches the whole group; the lab decides when this ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => lines.close());

function close(): void {
  Atomics.store(control, CONTROL.isClosing, 1);
  wake();
  Atomics.store(control, CONTROL.isWarming, 2);
  Atomics.notify(control, CONTROL.isWarming);
  // On a busy machine they would not get the moment they need for ending.
  for (const thread of warmerThreads.splice(0)) runAsUsual(thread);
}

function wake(): void {
  Atomics.add(control, CONTROL.wakeCount, 1);
  Atomics.notify(control, CONTROL.wakeCount);
}
