/** What one thread did between two looks, in nanoseconds. */
export interface ThreadUse {
  readonly ranNs: number;
  /** Ready to run, but the machine was busy with something else. */
  readonly waitedNs: number;
}

export interface SlowdownSettings {
  /** The device is this many times slower than this machine. */
  readonly slowdown: number;
  readonly cores: number;
}

/**
 * The slowdown's bookkeeping: how much pause is owed for the work done. Work of `w` must take `slowdown × w`, so every
 * look adds the difference to the debt. A burst ends between two looks, on average half a slice after the last stop, and
 * that rest is never paid for by the burst itself; so each stop also pays half a slice in advance, and what is left over
 * is carried on. Without the advance every burst would come out half a slice times the slowdown too fast.
 */
export class SlowdownLedger {
  readonly #settings: SlowdownSettings;
  #advanceNs = 0;
  #debtNs = 0;
  #workNs = 0;

  constructor(settings: SlowdownSettings) {
    this.#settings = settings;
  }

  /** Work done so far, in the time it takes at full speed. */
  get workNs(): number {
    return this.#workNs;
  }

  /** From now on work runs this long between two stops. */
  setSlice(sliceNs: number): void {
    this.#advanceNs = (sliceNs / 2) * Math.max(0, this.#settings.slowdown - 1);
  }

  /** Adds what the threads did in `elapsedNs` of real time; `pace` as in {@link paceFactor}. */
  addUse(threads: readonly ThreadUse[], elapsedNs: number, pace = 1): void {
    const {slowdown, cores} = this.#settings;
    let totalNs = 0;
    let longestNs = 0;
    let busyNs = 0;
    for (const {ranNs, waitedNs} of threads) {
      totalNs += ranNs;
      longestNs = Math.max(longestNs, ranNs);
      busyNs = Math.max(busyNs, ranNs + waitedNs);
    }
    // One thread never runs faster than one slow core; many threads share the cores there are.
    const workNs = Math.max(longestNs, totalNs / cores) * pace;
    this.#workNs += workNs;
    this.#debtNs += workNs * slowdown - Math.min(elapsedNs, busyNs);
  }

  /**
   * The work is over. When this machine was too busy to give it even its slow share, it took longer than it should have;
   * that is no credit for the work to come.
   */
  endWork(): void {
    this.#debtNs = Math.max(this.#debtNs, -this.#advanceNs);
  }

  /** The pause for work that is still going on: the debt and the advance. Zero when it is not worth a stop yet. */
  pauseWhileBusyNs(): number {
    return Math.max(0, this.#debtNs + this.#advanceNs);
  }

  /** The pause for work that ended before it could be stopped: only what the advance does not cover. */
  pauseWhenIdleNs(): number {
    return this.#debtNs > this.#advanceNs ? this.#debtNs : 0;
  }

  /** Takes a pause off the debt. */
  addPause(pauseNs: number): void {
    this.#debtNs -= pauseNs;
  }
}
