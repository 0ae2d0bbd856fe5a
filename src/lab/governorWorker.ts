import {spawnSync} from 'node:child_process';
import {setPriority} from 'node:os';
import {parentPort, workerData} from 'node:worker_threads';
import {
  DeviceProcess,
  hasMarker,
  listPids,
  readParent,
  readStartTime,
  sendSignal,
  type Readiness,
} from './deviceProcesses.ts';
import {findProgram, pinThread, readAllowedCores, threadId} from './corePinning.ts';
import {paceFactor} from './corePace.ts';
import {CONTROL, type GovernorSettings} from './governorControl.ts';
import {SlowdownLedger} from './slowdownLedger.ts';

// The loop that makes a device slow: let its processes run for a slice, stop them, see how much they did, keep them
// stopped until that much work would have been done on the slow device, go on. Processes that do nothing are never
// stopped. It blocks its thread with a fine-grained sleep, because timers of the event loop are too coarse.

const {settings, control: controlBuffer} = workerData as {
  settings: GovernorSettings;
  control: SharedArrayBuffer;
};

/**
 * How long work runs between two stops: a share of what it has done so far. Short bursts need short slices, but every stop
 * costs time that the device would not lose, above all when the work finds its caches cold afterwards.
 */
const MIN_SLICE_MS = 0.4;
const MAX_SLICE_MS = 16;
const SLICE_SHARE = settings.slowdown < 10 ? 0.25 : 0.5;
const IDLE_LOOK_MS = 0.4;
/** After this long without work the looks get rarer. */
const REST_AFTER_MS = 4000;
const REST_LOOK_MS = 2.5;
/** A stop is a message to other cores, which takes about this long, */
const SETTLE_MS = 0.06;
/** … or up to a tick when the thread it went to has to wait for the core on which another one of its process works. */
const MAX_SETTLE_MS = 5;
/** A sleep ends this much late. */
const WAKE_UP_MS = 0.06;
const SCAN_EVERY_MS = 50;
const THREADS_EVERY_MS = 10;
const FULL_LOOK_EVERY = 4;

const control = new Int32Array(controlBuffer);
const ledger = new SlowdownLedger({slowdown: settings.slowdown, cores: settings.cores});
ledger.setSlice(MIN_SLICE_MS * 1e6);
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
/** The fastest that the device's cores were so far. */
let bestPaceNs = Infinity;
/** Since the ledger was last brought up to date: then what the threads did includes going on after a stop. */
let hasResumed = false;

const hasPriority = raisePriority(0, -20);
const allowedCores = readAllowedCores();
const deviceCores = settings.deviceCores ?? [];
runInRealTime();
// A core of its own for this thread, if there is one.
pinThread(deviceCores.length === 0 ? [] : allowedCores.filter(core => !deviceCores.includes(core)));
accountedMs = performance.now();
lastWorkMs = accountedMs;

findProcesses();
parentPort?.postMessage('governing');
try {
  while (Atomics.load(control, CONTROL.isClosing) === 0) govern();
} finally {
  continueAll();
  for (const each of processes.values()) each.close();
}

/** How fast work is now, beside the device's cores at their best. */
function takePace(): number {
  const nowNs = readPaceNs();
  if (nowNs > 0) bestPaceNs = Math.min(bestPaceNs, nowNs);
  return paceFactor(bestPaceNs, nowNs);
}

/** The mean over the device's cores as far as they are known; 0 as long as none is. */
function readPaceNs(): number {
  let sumNs = 0;
  let known = 0;
  for (let word: number = CONTROL.paceNs; word < CONTROL.end; word += 1) {
    const paceNs = Atomics.load(control, word);
    if (paceNs === 0) continue;
    sumNs += paceNs;
    known += 1;
  }
  return known === 0 ? 0 : sumNs / known;
}

function govern(): void {
  findProcesses();
  if (processes.size === 0) return sleep(SCAN_EVERY_MS / 2, true);
  sleep(performance.now() - lastWorkMs > REST_AFTER_MS ? REST_LOOK_MS : IDLE_LOOK_MS, true);
  takeAnnounced();
  looks += 1;
  const which = looks % FULL_LOOK_EVERY === 0 ? 'all' : 'hot';
  const active = [...processes.values()].filter(each => each.hasRun(which));
  if (active.length === 0) return;
  lastWorkMs = performance.now();
  if (active.some(each => each.readinessOfWork('all') === 'running')) governWork();
  else account();
  ledger.endWork();
  ledger.setSlice(MIN_SLICE_MS * 1e6);
  payWhenIdle();
}

/** As long as anything runs: stop, count, pause, go on for a slice. */
function governWork(): void {
  const workAtStartNs = ledger.workNs;
  for (;;) {
    const workMs = (ledger.workNs - workAtStartNs) / 1e6;
    const sliceMs = Math.min(MAX_SLICE_MS, Math.max(MIN_SLICE_MS, workMs * SLICE_SHARE));
    ledger.setSlice(sliceMs * 1e6);
    const stoppedMs = stopRunning();
    settle();
    account(stoppedMs);
    pauseUntil(stoppedMs, ledger.pauseWhileBusyNs() / 1e6);
    if (Atomics.load(control, CONTROL.isClosing) !== 0) return;
    findProcesses();
    sleep(sliceMs - WAKE_UP_MS, false);
    // Woken, but the machine gave it no core yet: stopping it now would keep it from ever running.
    while (readinessOfWork('hot') === 'waiting') sleep(MIN_SLICE_MS / 2, false);
    if (readinessOfWork('hot') === 'none') break;
  }
  account();
  lastWorkMs = performance.now();
}

/** Waits until the stop has taken effect everywhere: only then the kernel's figures are exact. */
function settle(): void {
  for (let waitedMs = 0; waitedMs < MAX_SETTLE_MS; waitedMs += SETTLE_MS) {
    sleep(SETTLE_MS, false);
    if ([...processes.values()].every(each => each.isAtRest())) return;
  }
}

function payWhenIdle(): void {
  const owedMs = ledger.pauseWhenIdleNs() / 1e6;
  if (owedMs > 0) pauseUntil(stopRunning(), owedMs);
}

function readinessOfWork(which: 'hot' | 'all'): Readiness {
  const all = [...processes.values()].map(each => each.readinessOfWork(which));
  if (all.includes('running')) return 'running';
  // A lab that ends does not wait for a busy machine.
  return all.includes('waiting') && Atomics.load(control, CONTROL.isClosing) === 0 ? 'waiting' : 'none';
}

function account(nowMs = performance.now()): void {
  const uses = [...processes.values()].flatMap(each => each.takeUse(hasResumed));
  hasResumed = false;
  ledger.addUse(uses, Math.max(0, nowMs - accountedMs) * 1e6, settings.keepsPace === true ? takePace() : 1);
  accountedMs = nowMs;
}

/** Stops every process of the device; answers when. */
function stopRunning(): number {
  const nowMs = performance.now();
  for (const each of processes.values()) stop(each);
  Atomics.store(control, CONTROL.isWarming, 1);
  Atomics.notify(control, CONTROL.isWarming);
  return nowMs;
}

function stop(each: DeviceProcess): void {
  if (stopped.has(each.pid)) return;
  // Written down first: whoever has to clean up after a crash must know of every process that may be stopped.
  const slot = control.indexOf(0, CONTROL.stoppedPids);
  if (slot < 0 || slot >= CONTROL.paceNs) return;
  Atomics.store(control, slot, each.pid);
  stopped.add(each.pid);
  if (!each.stop()) drop(each);
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
  // First, so that the core is free: what is only idle-priority may keep it until the next tick.
  Atomics.store(control, CONTROL.isWarming, 0);
  for (const pid of stopped) sendSignal(pid, 'SIGCONT');
  hasResumed ||= stopped.size > 0;
  stopped.clear();
  control.fill(0, CONTROL.stoppedPids, CONTROL.paceNs);
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
 * A look that comes a millisecond late misses a whole burst, and a time-sharing scheduler, however high the priority, may
 * let the device's own work run on for longer than that. Where this is refused or the program is missing, the priority has
 * to do.
 */
function runInRealTime(): void {
  const chrt = findProgram('chrt');
  if (chrt && hasPriority) spawnSync(chrt, ['--fifo', '--pid', '1', threadId()], {stdio: 'ignore'});
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
