import {parentPort, workerData} from 'node:worker_threads';
import {pinThread, runWhenIdle, threadId} from './corePinning.ts';
import {CorePaceMeter} from './corePace.ts';
import {CONTROL} from './governorControl.ts';

// Keeps one of a device's cores busy while its processes are stopped, with whatever time nobody else wants. A core that
// falls idle goes to sleep, and one of a virtual machine to a neighbour: work that goes on after that finds its caches
// cold, and what it needs to fill them is charged `slowdown` times. Inference slowed 10 times took 13.3 times as long
// without this and 9.3 times with it (bench/lab.ts with resnet20, bursts of 5 ms, 2 cores of an EPYC, 2026-11-29).

// What it is busy with tells how fast the core is.

const {
  core,
  index,
  control: controlBuffer,
} = workerData as {
  core: number;
  /** Of the device's cores. */
  index: number;
  control: SharedArrayBuffer;
};
const control = new Int32Array(controlBuffer);
const paceWord = CONTROL.paceNs + index;
const meter = new CorePaceMeter();

pinThread([core]);
runWhenIdle();
parentPort?.postMessage(Number(threadId()));
while (Atomics.load(control, CONTROL.isClosing) === 0) {
  Atomics.wait(control, CONTROL.isWarming, 0);
  while (Atomics.load(control, CONTROL.isWarming) === 1) measurePace();
}

function measurePace(): void {
  const paceNs = meter.measure();
  if (paceWord < CONTROL.end) Atomics.store(control, paceWord, Math.round(paceNs));
}
