import {parentPort, workerData} from 'node:worker_threads';
import {pinThread, runWhenIdle, threadId} from './corePinning.ts';
import {CONTROL} from './governorControl.ts';

// Keeps one of a device's cores busy while its processes are stopped, with whatever time nobody else wants. A core that
// falls idle goes to sleep, and one of a virtual machine to a neighbour: work that goes on after that finds its caches
// cold, and what it needs to fill them is charged `slowdown` times. Inference slowed 10 times took 13.3 times as long
// without this and 9.3 times with it (bench/lab.ts with resnet20, bursts of 5 ms, 2 cores of an EPYC, 2026-11-29).

const {core, control: controlBuffer} = workerData as {core: number; control: SharedArrayBuffer};
const control = new Int32Array(controlBuffer);

pinThread([core]);
runWhenIdle();
parentPort?.postMessage(Number(threadId()));
while (Atomics.load(control, CONTROL.isClosing) === 0) {
  Atomics.wait(control, CONTROL.isWarming, 0);
  while (Atomics.load(control, CONTROL.isWarming) === 1);
}
