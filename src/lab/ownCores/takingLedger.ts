/** What happened on a core since it was last given to the device, in milliseconds. */
export interface Window {
  readonly passedMs: number;
  /** The device had nothing to do. */
  readonly idleMs: number;
  /** Giving the core and taking it back. */
  readonly switchingMs: number;
}

/** What is shorter is the clocks', not the device's. */
const LEAST_WORK_MS = 0.02;
/** Of a window, when work is taken to be over: what has idle priority gets a moment beside it, too. */
const IDLE_SHARE = 0.25;

/**
 * How long the core is to be kept from the device, so that its work takes `slowdown` times as long. Work ends somewhere in a
 * window, on average in its middle, and what it did there is not waited for by anybody: so work that begins pays for half a
 * window in advance, and when it ends what is too much or too little is carried on to what comes next.
 */
export class TakingLedger {
  readonly #slowdown: number;
  readonly #advanceMs: number;
  #owedMs = 0;
  #isWorking = false;

  constructor({slowdown, windowMs}: {readonly slowdown: number; readonly windowMs: number}) {
    this.#slowdown = slowdown;
    this.#advanceMs = (windowMs / 2) * (slowdown - 1);
  }

  /** 0: the device may go on at once. */
  takeAfter({passedMs, idleMs, switchingMs}: Window): number {
    const restMs = passedMs - idleMs - switchingMs;
    const workMs = restMs < LEAST_WORK_MS ? 0 : restMs;
    const hasEnded = idleMs > passedMs * IDLE_SHARE;
    // What switching took has slowed the work already.
    this.#owedMs += workMs * (this.#slowdown - 1) - (workMs > 0 ? switchingMs : 0);
    if (workMs > 0 && !this.#isWorking) {
      this.#isWorking = true;
      this.#owedMs += this.#advanceMs;
      return this.#pay();
    }
    if (!hasEnded) return this.#isWorking ? this.#pay() : 0;
    if (this.#isWorking) this.#owedMs -= this.#advanceMs;
    this.#isWorking = false;
    this.#owedMs = Math.max(-this.#advanceMs, Math.min(this.#advanceMs, this.#owedMs));
    return 0;
  }

  /** The core was kept so much longer than was asked for. */
  hasTaken(moreMs: number): void {
    if (moreMs > 0) this.#owedMs -= moreMs;
  }

  #pay(): number {
    const payMs = Math.max(0, this.#owedMs);
    this.#owedMs -= payMs;
    return payMs;
  }
}
