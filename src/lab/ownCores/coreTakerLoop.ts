import {spawnSync} from 'node:child_process';
import {closeSync, openSync, readSync} from 'node:fs';
import {parentPort, workerData} from 'node:worker_threads';
import {findProgram, pinThread, threadId} from '../corePinning.ts';
import {passTime} from './passTime.ts';
import {CONTROL} from './takerControl.ts';
import {TakingLedger} from './takingLedger.ts';

// Takes one core from a device again and again, in real time, for as long as its work on it must wait to be `slowdown` times
// slower: give the core away, take it back, see how long it had nothing to do, keep it.

const {
  core,
  slowdown,
  control: controlBuffer,
} = workerData as {core: number; slowdown: number; control: SharedArrayBuffer};

/** What is asked of the kernel; it gives the core back a little later. */
const SLEEP_MS = 0.3;
const WINDOW_MS = 0.33;
const FIRST_SWITCHING_MS = 0.03;
/** What is known of switching goes so far towards what is measured each time, which so finds the median. */
const SWITCHING_STEP_MS = 0.0001;
const PRIORITY = '2';

const control = new Int32Array(controlBuffer);
const ledger = new TakingLedger({slowdown, windowMs: WINDOW_MS});
const buffer = Buffer.alloc(64);
let switchingMs = FIRST_SWITCHING_MS;
let idleNs = Atomics.load(control, CONTROL.idleNs);

pinThread([core]);
const chrt = findProgram('chrt');
const isRealTime =
  chrt !== null && spawnSync(chrt, ['--fifo', '--pid', PRIORITY, threadId()], {stdio: 'ignore'}).status === 0;
if (!isRealTime) throw new Error(`a thread may not take core ${core} in real time`);
const schedstat = openSync('/proc/thread-self/schedstat', 'r');
let ranMs = readRanMs();
let keptMs = 0;
parentPort?.postMessage('taking');
try {
  let givenMs = performance.now();
  while (Atomics.load(control, CONTROL.isClosing) === 0) {
    Atomics.wait(control, CONTROL.never, 0, SLEEP_MS);
    const wokenMs = performance.now();
    const takeMs = ledger.takeAfter({passedMs: wokenMs - givenMs, idleMs: takeIdleMs(), switchingMs});
    measureSwitching();
    do givenMs = performance.now();
    while (givenMs - wokenMs < takeMs && passTime());
    keptMs = takeMs > 0 ? givenMs - wokenMs : 0;
    ledger.hasTaken(keptMs - takeMs);
  }
} finally {
  closeSync(schedstat);
}

function takeIdleMs(): number {
  const nowNs = Atomics.load(control, CONTROL.idleNs);
  // The difference of two numbers of 32 bits is right even if the later one began again.
  const sinceNs = (nowNs - idleNs) | 0;
  idleNs = nowNs;
  return sinceNs / 1e6;
}

/** What this thread had the core for besides keeping it, around windows in which the device works; others cost less. */
function measureSwitching(): void {
  // As of when it last gave the core away: the kernel counts no sooner.
  const nowRanMs = readRanMs();
  if (keptMs > 0)
    switchingMs += nowRanMs - ranMs - keptMs > switchingMs ? SWITCHING_STEP_MS : -SWITCHING_STEP_MS;
  ranMs = nowRanMs;
}

function readRanMs(): number {
  const length = readSync(schedstat, buffer, 0, buffer.length, 0);
  return Number.parseInt(buffer.toString('latin1', 0, length), 10) / 1e6;
}
