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

interface Thread {
  readonly schedstat: number;
  readonly stat: number;
  ranNs: number;
  waitedNs: number;
  runs: number;
  isHot: boolean;
}

/**
 * One process of a device, seen through open files of /proc: they stay bound to this very process, so that a pid used
 * again can not be mistaken for it.
 */
export class DeviceProcess {
  readonly pid: number;
  readonly startTime: number;
  readonly #threads = new Map<string, Thread>();
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
   * moment the kernel's figure is up to a tick old. After a stop, threads that did less than `ignoredNs` are left out:
   * being stopped and continued costs each thread something, which is not the device's work.
   */
  takeUse(ignoredNs: number): ThreadUse[] {
    const uses: ThreadUse[] = [];
    for (const thread of this.#threads.values()) {
      const numbers = readNumbers(thread.schedstat);
      if (numbers === null) continue;
      const [ranNs, waitedNs, runs] = numbers;
      const use = {ranNs: ranNs - thread.ranNs, waitedNs: waitedNs - thread.waitedNs};
      thread.isHot = use.ranNs > ignoredNs;
      if (thread.isHot) uses.push(use);
      thread.ranNs = ranNs;
      thread.waitedNs = waitedNs;
      thread.runs = runs;
    }
    return uses;
  }

  /** True when a thread was put on a core since the last `takeUse`: known at once, unlike how long it has run. */
  hasRun(which: 'main' | 'hot' | 'all'): boolean {
    let isMain = true;
    for (const thread of this.#threads.values()) {
      if (which !== 'hot' || thread.isHot) {
        const numbers = readNumbers(thread.schedstat);
        if (numbers !== null && numbers[2] !== thread.runs) return true;
        if (numbers === null && isMain) this.#isGone = true;
      }
      isMain = false;
      if (which === 'main') return false;
    }
    return false;
  }

  /** True while a thread that did something lately is running or ready to run. */
  isRunning(which: 'hot' | 'all'): boolean {
    for (const thread of this.#threads.values()) {
      if (which === 'hot' && !thread.isHot) continue;
      const length = readInto(thread.stat);
      // State is the letter two places after the last bracket of the name.
      if (length > 0 && buffer[buffer.lastIndexOf(0x29, length - 1) + 2] === 0x52) return true;
    }
    return false;
  }

  close(): void {
    for (const thread of this.#threads.values()) closeThread(thread);
    this.#threads.clear();
  }
}

function openThread(folder: string): Thread | null {
  try {
    const schedstat = openSync(`${folder}/schedstat`, 'r');
    return {schedstat, stat: openSync(`${folder}/stat`, 'r'), ranNs: 0, waitedNs: 0, runs: 0, isHot: false};
  } catch {
    return null;
  }
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
