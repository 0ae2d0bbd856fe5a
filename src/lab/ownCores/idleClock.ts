import {parentPort, workerData} from 'node:worker_threads';
import {pinThread, runWhenIdle, threadId} from '../corePinning.ts';
import {passTime} from './passTime.ts';
import {CONTROL} from './takerControl.ts';

// Runs on a device's core whenever nothing else wants it, and counts for how long that is. It keeps the core awake, too: work
// that finds it asleep would find its caches cold.

const {core, control: controlBuffer} = workerData as {core: number; control: SharedArrayBuffer};

/** A step takes a third of that; when one takes longer something else had the core. */
const LONGEST_STEP_MS = 0.012;

const control = new Int32Array(controlBuffer);
pinThread([core]);
runWhenIdle();
parentPort?.postMessage(Number(threadId()));
let lastMs = performance.now();
while (Atomics.load(control, CONTROL.isClosing) === 0) {
  passTime();
  const nowMs = performance.now();
  const stepMs = nowMs - lastMs;
  if (stepMs < LONGEST_STEP_MS) Atomics.add(control, CONTROL.idleNs, Math.round(stepMs * 1e6));
  lastMs = nowMs;
}
