import {spawnSync} from 'node:child_process';
import {readlinkSync} from 'node:fs';
import {setPriority} from 'node:os';
import {parentPort, workerData} from 'node:worker_threads';
import {
  DeviceProcess,
  hasMarker,
  listPids,
  readParent,
  readStartTime,
  sendSignal,
} from './deviceProcesses.ts';
import {readAllowedCores} from './corePinning.ts';
import {CONTROL, type GovernorSettings} from './governorControl.ts';
import {SlowdownLedger} from './slowdownLedger.ts';

// The loop that makes a device slow: let its processes run for a slice, stop them, see how much they did, keep them
// stopped until that much work would have been done on the slow device, go on. Processes that do nothing are never
// stopped. It blocks its thread with a fine-grained sleep, because timers of the event loop are too coarse.

/**
 * How long work runs between two stops. Short bursts need short slices, but each stop costs some 30 microseconds that the
 * device would not lose; so work that goes on gets longer ones. Measured: bench/lab.ts, 2026-11.
 */
const SLICES = [
  {fromWorkMs: 0, sliceMs: 0.4},
  {fromWorkMs: 10, sliceMs: 1},
  {fromWorkMs: 40, sliceMs: 2},
] as const;
const IDLE_LOOK_MS = 0.4;
/** After this long without work the looks get rarer. */
const REST_AFTER_MS = 4000;
const REST_LOOK_MS = 2.5;
/** A stop is a message to other cores; what has not run for this long after it stands still. */
const SETTLE_MS = 0.06;
/** A sleep ends this much late. */
const WAKE_UP_MS = 0.06;
const SCAN_EVERY_MS = 50;
const THREADS_EVERY_MS = 10;
const FULL_LOOK_EVERY = 4;

const {settings, control: controlBuffer} = workerData as {
  settings: GovernorSettings;
  control: SharedArrayBuffer;
};
const control = new Int32Array(controlBuffer);
const ledger = new SlowdownLedger({slowdown: settings.slowdown, cores: settings.cores});
ledger.setSlice(SLICES[0].sliceMs * 1e6);
const processes = new Map<number, DeviceProcess>();
/** Seen before and found not to belong to the device, by pid with the start time. */
const strangers = new Map<number, number>();
const stopped = new Set<number>();
let lastScanMs = -Infinity;
let lastThreadsMs = -Infinity;
/** When the ledger was last brought up to date, or the processes went on after a pause. */
let accountedMs = performance.now();
let lastWorkMs = performance.now();
let looks = 0;

const hasPriority = raisePriority(0, -20);
takeOwnCore();

findProcesses();
parentPort?.postMessage('governing');
try {
  while (Atomics.load(control, CONTROL.isClosing) === 0) govern();
} finally {
  continueAll();
  for (const each of processes.values()) each.close();
}

function govern(): void {
  findProcesses();
  if (processes.size === 0) return sleep(SCAN_EVERY_MS / 2, true);
  sleep(performance.now() - lastWorkMs > REST_AFTER_MS ? REST_LOOK_MS : IDLE_LOOK_MS, true);
  takeAnnounced();
  looks += 1;
  const which = looks % FULL_LOOK_EVERY === 0 ? 'all' : 'hot';
  let hasRun = false;
  let isRunning = false;
  for (const each of processes.values()) {
    if (!each.hasRun(which)) continue;
    hasRun = true;
    isRunning ||= each.isRunning('all');
  }
  if (!hasRun) return;
  lastWorkMs = performance.now();
  if (isRunning) governWork();
  else account(false);
  ledger.endWork();
  ledger.setSlice(SLICES[0].sliceMs * 1e6);
  payWhenIdle();
}

/** As long as anything runs: stop, count, pause, go on for a slice. */
function governWork(): void {
  const workAtStartNs = ledger.workNs;
  for (;;) {
    const workMs = (ledger.workNs - workAtStartNs) / 1e6;
    const sliceMs = SLICES.findLast(({fromWorkMs}) => workMs >= fromWorkMs)?.sliceMs ?? SLICES[0].sliceMs;
    ledger.setSlice(sliceMs * 1e6);
    const stoppedMs = stopRunning();
    sleep(SETTLE_MS, false);
    account(true, stoppedMs);
    pauseUntil(stoppedMs, ledger.pauseWhileBusyNs() / 1e6);
    if (Atomics.load(control, CONTROL.isClosing) !== 0) return;
    findProcesses();
    sleep(sliceMs - WAKE_UP_MS, false);
    // Woken, but the machine gave it no core yet: stopping it now would keep it from ever running.
    while (isAnyStarved()) sleep(SLICES[0].sliceMs / 2, false);
    if (!isAnyRunning()) break;
  }
  account(true);
  lastWorkMs = performance.now();
}

function payWhenIdle(): void {
  const owedMs = ledger.pauseWhenIdleNs() / 1e6;
  if (owedMs > 0) pauseUntil(stopRunning(), owedMs);
}

function isAnyStarved(): boolean {
  // A stop that somebody else sent, a debugger say, leaves nothing ready; and a lab that ends does not wait.
  if (Atomics.load(control, CONTROL.isClosing) !== 0) return false;
  for (const each of processes.values()) if (each.isStarved()) return true;
  return false;
}

function isAnyRunning(): boolean {
  for (const each of processes.values()) if (each.isRunning('hot')) return true;
  return false;
}

function account(wasStopped: boolean, nowMs = performance.now()): void {
  const uses = [...processes.values()].flatMap(each => each.takeUse(wasStopped));
  ledger.addUse(uses, Math.max(0, nowMs - accountedMs) * 1e6);
  accountedMs = nowMs;
}

/** Stops every process of the device; answers when. */
function stopRunning(): number {
  const nowMs = performance.now();
  for (const each of processes.values()) stop(each);
  return nowMs;
}

function stop(each: DeviceProcess): void {
  if (stopped.has(each.pid)) return;
  // Written down first: whoever has to clean up after a crash must know of every process that may be stopped.
  const slot = control.indexOf(0, CONTROL.stoppedPids);
  if (slot < 0 || slot >= CONTROL.end) return;
  Atomics.store(control, slot, each.pid);
  stopped.add(each.pid);
  if (!sendSignal(each.pid, 'SIGSTOP')) drop(each);
}

function pauseUntil(stoppedMs: number, pauseMs: number): void {
  for (;;) {
    const restMs = stoppedMs + pauseMs - performance.now();
    if (restMs <= 0 || Atomics.load(control, CONTROL.isClosing) !== 0) break;
    // Processes started meanwhile are stopped with the others.
    sleep(Math.min(restMs, SCAN_EVERY_MS), true);
    takeAnnounced();
    findProcesses();
    for (const each of processes.values()) stop(each);
  }
  continueAll();
  accountedMs = performance.now();
  ledger.addPause((accountedMs - stoppedMs) * 1e6);
}

function continueAll(): void {
  for (const pid of stopped) sendSignal(pid, 'SIGCONT');
  stopped.clear();
  control.fill(0, CONTROL.stoppedPids, CONTROL.end);
}

function sleep(milliseconds: number, isInterruptible: boolean): void {
  const word = isInterruptible ? CONTROL.wakeCount : CONTROL.never;
  Atomics.wait(control, word, isInterruptible ? Atomics.load(control, word) : 0, milliseconds);
}

function takeAnnounced(): void {
  for (let slot: number = CONTROL.announcedPids; slot < CONTROL.stoppedPids; slot += 1) {
    const pid = Atomics.exchange(control, slot, 0);
    if (pid !== 0) add(pid);
  }
}

function add(pid: number): void {
  if (processes.has(pid)) return;
  const opened = DeviceProcess.open(pid);
  if (opened === null) return;
  processes.set(pid, opened);
  // What a process did before it was governed is not paid for, unless it is so new that it was merely not seen yet.
  const soFar = opened.takeUse(false).reduce((total, {ranNs}) => total + ranNs, 0);
  if (soFar < 2 * SCAN_EVERY_MS * 1e6) ledger.addUse([{ranNs: soFar, waitedNs: 0}], soFar);
  // A device's slice must not wait for whatever else runs here. What it starts inherits this.
  if (hasPriority) for (const id of opened.threadIds()) raisePriority(id, -10);
}

/**
 * A core of its own for this thread if there is one, and real-time scheduling: a look that comes a millisecond late
 * misses a whole burst, and a time-sharing scheduler, however high the priority, may let the device's own work run on for
 * longer than that. Where this is refused or the programs are missing, the priority has to do.
 */
function takeOwnCore(): void {
  const thread = readlinkSync('/proc/thread-self').split('/').at(-1) ?? '';
  const taken = settings.deviceCores ?? [];
  const others = readAllowedCores().filter(core => !taken.includes(core));
  if (others.length > 0) spawnSync('taskset', ['-c', '-p', others.join(','), thread], {stdio: 'ignore'});
  if (hasPriority) spawnSync('chrt', ['--fifo', '--pid', '1', thread], {stdio: 'ignore'});
}

/** Only root may; without it a busy machine makes devices less punctual. 0 is the calling thread. */
function raisePriority(thread: number, priority: number): boolean {
  try {
    setPriority(thread, priority);
    return true;
  } catch {
    return false;
  }
}

function drop(each: DeviceProcess): void {
  each.close();
  processes.delete(each.pid);
  stopped.delete(each.pid);
}

/** Brings the list of processes and threads up to date, as often as that is worth. */
function findProcesses(): void {
  takeAnnounced();
  const nowMs = performance.now();
  if (nowMs - lastThreadsMs >= THREADS_EVERY_MS) {
    lastThreadsMs = nowMs;
    for (const each of processes.values()) {
      each.refreshThreads();
      if (each.isGone) drop(each);
    }
  }
  if (nowMs - lastScanMs < SCAN_EVERY_MS) return;
  lastScanMs = nowMs;
  const present = new Set(listPids());
  for (const each of processes.values()) if (readStartTime(each.pid) !== each.startTime) drop(each);
  for (const pid of strangers.keys()) if (!present.has(pid)) strangers.delete(pid);
  for (const pid of present) {
    if (processes.has(pid) || strangers.has(pid)) continue;
    const parent = readParent(pid);
    // By descent as well: `env -i` takes the marker away.
    if (hasMarker(pid, settings.marker) || (parent !== null && processes.has(parent))) add(pid);
    else strangers.set(pid, 0);
  }
}
