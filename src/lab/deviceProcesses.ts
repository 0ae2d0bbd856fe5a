import {closeSync, openSync, readFileSync, readSync, readdirSync} from 'node:fs';
import type {ThreadUse} from './slowdownLedger.ts';

// Synchronous on purpose: this runs in the governor's own thread, where each look at /proc has to come at its time.

const buffer = Buffer.alloc(512);

/**
 * The process's start in clock ticks since boot; with the pid it names one process for good. `null`: it has ended, even
 * if its parent has not taken note yet.
 */
export function readStartTime(pid: number): number | null {
  try {
    const fields = fieldsAfterName(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return fields[0] === 'Z' || fields[0] === 'X' ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

/** Everything after the program's name, which may itself hold spaces and brackets: state, parent, … */
function fieldsAfterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The processes whose environment holds `marker` (`NAME=value`), oldest first. Kernel threads and others' are passed over. */
export function findMarkedProcesses(marker: string): number[] {
  return listPids().filter(pid => hasMarker(pid, marker));
}

export function listPids(): number[] {
  const pids: number[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid)) pids.push(pid);
  }
  return pids;
}

export function hasMarker(pid: number, marker: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${marker}\0`);
  } catch {
    return false;
  }
}

export function readParent(pid: number): number | null {
  try {
    return Number(fieldsAfterName(readFileSync(`/proc/${pid}/stat`, 'latin1'))[1]);
  } catch {
    return null;
  }
}

/** A signal to one process; false when it is gone or not ours. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * A thread that worked stays watched closely for this long: work is handed from thread to thread, from the one that reads
 * a request to the one that runs the model, say.
 */
const HOT_MS = 2000;

/** `waiting`: there is work, but this machine is too busy to give it a core. */
export type Readiness = 'none' | 'waiting' | 'running';

/** A thread that had no work when it was stopped and did less than this since the last stop only went on and slept. */
const MAX_STOP_COST_NS = 150_000;
/**
 * A thread that works pays for a stop as well, but it goes on warmer than one that sleeps: half of it is taken off. A share
 * of 0.2 gave the same within what runs differ by (bench/lab.ts with resnet20, 4 to 20 times, quiet, 2026-11-29).
 */
const RESUME_SHARE = 0.5;
const COST_SMOOTHING = 0.02;

interface Thread {
  readonly schedstat: number;
  readonly stat: number;
  ranNs: number;
  waitedNs: number;
  runs: number;
  hotUntilMs: number;
  lastRanNs: number;
}

/**
 * One process of a device, seen through open files of /proc: they stay bound to this very process, so that a pid used
 * again can not be mistaken for it.
 */
export class DeviceProcess {
  readonly pid: number;
  readonly startTime: number;
  readonly #threads = new Map<string, Thread>();
  /** What a stop costs a thread that has nothing to do, on average of late. */
  #stopCostNs = 8000;
  #workingThread: number | null = null;
  #isGone = false;

  private constructor(pid: number, startTime: number) {
    this.pid = pid;
    this.startTime = startTime;
    this.refreshThreads();
  }

  static open(pid: number): DeviceProcess | null {
    const startTime = readStartTime(pid);
    if (startTime === null) return null;
    const opened = new DeviceProcess(pid, startTime);
    if (opened.isGone) opened.close();
    return opened.isGone ? null : opened;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  threadIds(): number[] {
    return [...this.#threads.keys()].map(Number);
  }

  /** Looks for threads that have come or gone. */
  refreshThreads(): void {
    let ids: string[];
    try {
      ids = readdirSync(`/proc/${this.pid}/task`);
    } catch {
      this.#isGone = true;
      return;
    }
    const present = new Set(ids);
    for (const [id, thread] of this.#threads) {
      if (present.has(id)) continue;
      closeThread(thread);
      this.#threads.delete(id);
      // Its number may be another process's soon.
      if (this.#workingThread === Number(id)) this.#workingThread = null;
    }
    for (const id of ids) {
      if (this.#threads.has(id)) continue;
      const thread = openThread(`/proc/${this.pid}/task/${id}`);
      if (thread !== null) this.#threads.set(id, thread);
    }
    if (this.#threads.size === 0) this.#isGone = true;
  }

  /**
   * What each thread did since the last call. Exact for a thread that sleeps or is stopped; for one that runs at the
   * moment the kernel's figure is up to a tick old. Being stopped and continued costs every thread something that is not
   * the device's work: after a stop (`wasStopped`) threads that did no more than that are left out, and what they needed
   * tells how much to take off the others.
   */
  takeUse(wasStopped: boolean): ThreadUse[] {
    const worked: ThreadUse[] = [];
    const nowMs = performance.now();
    for (const [id, thread] of this.#threads) {
      const numbers = readNumbers(thread.schedstat);
      if (numbers === null) continue;
      const [totalRanNs, totalWaitedNs, runs] = numbers;
      const ranNs = totalRanNs - thread.ranNs;
      const waitedNs = totalWaitedNs - thread.waitedNs;
      const hasWorked = !wasStopped || Number(id) === this.#workingThread || ranNs > MAX_STOP_COST_NS;
      if (hasWorked && ranNs > 0) {
        thread.hotUntilMs = nowMs + HOT_MS;
        worked.push({ranNs, waitedNs});
      } else if (wasStopped && ranNs > 0) {
        this.#stopCostNs += (ranNs - this.#stopCostNs) * COST_SMOOTHING;
      }
      thread.lastRanNs = ranNs;
      thread.ranNs = totalRanNs;
      thread.waitedNs = totalWaitedNs;
      thread.runs = runs;
    }
    if (!wasStopped) return worked;
    const resumeCostNs = RESUME_SHARE * this.#stopCostNs;
    return worked.map(({ranNs, waitedNs}) => ({
      ranNs: Math.max(0, ranNs - resumeCostNs),
      waitedNs: waitedNs + Math.min(ranNs, resumeCostNs),
    }));
  }

  /** True when a thread was put on a core since the last `takeUse`: known at once, unlike how long it has run. */
  hasRun(which: 'hot' | 'all'): boolean {
    let isMain = true;
    const nowMs = performance.now();
    for (const thread of this.#threads.values()) {
      if (which !== 'hot' || isMain || thread.hotUntilMs > nowMs) {
        const numbers = readNumbers(thread.schedstat);
        if (numbers !== null && numbers[2] !== thread.runs) return true;
        if (numbers === null && isMain) this.#isGone = true;
      }
      isMain = false;
    }
    return false;
  }

  /** Does a thread that has work have a core, or has it had one since the last `takeUse`? */
  readinessOfWork(which: 'hot' | 'all'): Readiness {
    const nowMs = performance.now();
    let found: Readiness = 'none';
    let mostNs = -1;
    for (const [id, thread] of this.#threads) {
      if ((which === 'hot' && thread.hotUntilMs <= nowMs) || !isReady(thread)) continue;
      if (readNumbers(thread.schedstat)?.[2] === thread.runs) {
        if (found === 'none') found = 'waiting';
        continue;
      }
      found = 'running';
      // Of several that are ready the one that did most of late is likeliest to have the core.
      if (thread.lastRanNs >= mostNs) this.#workingThread = Number(id);
      mostNs = Math.max(mostNs, thread.lastRanNs);
    }
    return found;
  }

  /** True once the last stop has reached every thread that had work. */
  isAtRest(): boolean {
    const nowMs = performance.now();
    for (const thread of this.#threads.values())
      if (thread.hotUntilMs > nowMs && isReady(thread)) return false;
    return true;
  }

  /**
   * Stops the whole process, by a signal to the thread that works: sent to the process it goes to the main thread, and
   * when that one first has to wait for the core on which the other one works, the stop comes milliseconds late.
   */
  stop(): boolean {
    return sendSignal(this.#workingThread ?? this.pid, 'SIGSTOP') || sendSignal(this.pid, 'SIGSTOP');
  }

  close(): void {
    for (const thread of this.#threads.values()) closeThread(thread);
    this.#threads.clear();
  }
}

function openThread(folder: string): Thread | null {
  try {
    const schedstat = openSync(`${folder}/schedstat`, 'r');
    return {
      schedstat,
      stat: openSync(`${folder}/stat`, 'r'),
      ranNs: 0,
      waitedNs: 0,
      runs: 0,
      hotUntilMs: 0,
      lastRanNs: 0,
    };
  } catch {
    return null;
  }
}

function isReady(thread: Thread): boolean {
  const length = readInto(thread.stat);
  // The state is the letter two places after the last bracket of the name.
  return length > 0 && buffer[buffer.lastIndexOf(0x29, length - 1) + 2] === 0x52;
}

function closeThread(thread: Thread): void {
  closeSync(thread.schedstat);
  closeSync(thread.stat);
}

function readInto(file: number): number {
  try {
    return readSync(file, buffer, 0, buffer.length, 0);
  } catch {
    return 0;
  }
}

/** The three numbers of a schedstat file: time on a core, time waiting for one, times put on one. */
function readNumbers(file: number): [number, number, number] | null {
  const length = readInto(file);
  if (length === 0) return null;
  const numbers: [number, number, number] = [0, 0, 0];
  let index = 0;
  for (let at = 0; at < length && index < 3; at += 1) {
    const digit = (buffer[at] ?? 0) - 48;
    if (digit >= 0 && digit <= 9)
      numbers[index as 0 | 1 | 2] = (numbers[index as 0 | 1 | 2] ?? 0) * 10 + digit;
    else index += 1;
  }
  return numbers;
}
