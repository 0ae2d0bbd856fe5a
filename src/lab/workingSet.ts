import {readFileSync, writeFileSync} from 'node:fs';
import {medianOf} from './reheating.ts';

/** Samples kept; their median passes over a garbage collection that came in between. */
const SAMPLES = 5;
/** A sample costs a pass over all of a process's pages, a millisecond or two, during which it is stopped. */
const FIRST_SAMPLES_EVERY_MS = 20;
const LATER_SAMPLES_EVERY_MS = 1000;
/** Short slices see a part of a model, long ones all of it, and in a plain program whatever its runtime does now and then. */
export const BRIEF_SLICE_MS = 2;

/**
 * How much memory a process goes through between two stops, from the marks that the processor sets on pages it uses:
 * taken away at one stop, counted at the next (Documentation/filesystems/proc.rst of Linux, `clear_refs`).
 */
export class WorkingSet {
  readonly #pid: number;
  readonly #brief: Samples = {bytes: [], sampledMs: -Infinity};
  readonly #long: Samples = {bytes: [], sampledMs: -Infinity};
  /** What the slice that is going on is a sample of. */
  #watched: Samples | null = null;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** In a slice of this length. Zero as long as nothing is known, and where the kernel does not tell. */
  bytesWithin(sliceMs: number): number {
    const samples = this.#samplesOf(sliceMs);
    return medianOf((samples.bytes.length > 0 ? samples : this.#brief).bytes);
  }

  /** To be called while the process is stopped after it worked; if it is time, the slice to come is watched. */
  look(nextSliceMs: number): void {
    const watched = this.#watched;
    this.#watched = null;
    try {
      if (watched !== null) {
        watched.bytes.push(readTouchedBytes(this.#pid));
        if (watched.bytes.length > SAMPLES) watched.bytes.shift();
        return;
      }
      const samples = this.#samplesOf(nextSliceMs);
      const everyMs = samples.bytes.length < SAMPLES ? FIRST_SAMPLES_EVERY_MS : LATER_SAMPLES_EVERY_MS;
      if (performance.now() - samples.sampledMs < everyMs) return;
      samples.sampledMs = performance.now();
      writeFileSync(`/proc/${this.#pid}/clear_refs`, '1');
      this.#watched = samples;
    } catch {
      // It has ended, or the kernel was built without these files: then nothing is known.
    }
  }

  /** The work ended before the next stop: what comes then is not one slice. */
  endWork(): void {
    this.#watched = null;
  }

  #samplesOf(sliceMs: number): Samples {
    return sliceMs <= BRIEF_SLICE_MS ? this.#brief : this.#long;
  }
}

interface Samples {
  readonly bytes: number[];
  sampledMs: number;
}

function readTouchedBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Referenced:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
