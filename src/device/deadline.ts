/** A countdown that can stand still while a person types. */
export class Deadline {
  readonly #onExpiry: () => void;
  #remainingMs: number;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(durationMs: number, onExpiry: () => void) {
    this.#remainingMs = durationMs;
    this.#onExpiry = onExpiry;
    this.resume();
  }

  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#remainingMs -= performance.now() - this.#startedAt;
  }

  resume(): void {
    if (this.#timer !== undefined) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(this.#onExpiry, Math.max(0, this.#remainingMs));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#remainingMs = Infinity;
  }
}

/** `work`, or `undefined` once `durationMs` have gone by without it. */
export async function settleWithin<T>(durationMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), durationMs);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
