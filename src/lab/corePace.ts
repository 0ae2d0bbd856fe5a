// How fast a core is at this moment. A virtual machine shares its caches, and often the very core, with neighbours it knows
// nothing of: the same inference then takes a quarter longer or more for seconds on end, while plain arithmetic keeps its
// speed. What inference follows is how long a walk through the nearest cache takes (docs/decisions/0011).

/** Of a nearest cache of 32 KiB; a line is 64 bytes. */
const LINES = 512;
const NUMBERS_PER_LINE = 16;
const STEPS = 1500;
const GROUP = 16;
const GROUP_WEIGHT = 0.02;
/** By how much of the walk's change, in logarithms, the time of work changes. */
const WORK_SHARE = 0.42;
const LEAST_FACTOR = 0.25;

/** Times a walk through a cache's worth of memory, some 10 µs. */
export class CorePaceMeter {
  readonly #next = createWalk();
  readonly #group = new Float64Array(GROUP);
  #at = 0;
  #filled = 0;
  #averageNs = 0;

  /** Walks once. The average so far in nanoseconds; 0 as long as there is none. */
  measure(): number {
    const startMs = performance.now();
    let at = this.#at;
    for (let step = 0; step < STEPS; step += 1) at = this.#next[at] ?? 0;
    this.#at = at;
    this.#group[this.#filled] = (performance.now() - startMs) * 1e6;
    this.#filled += 1;
    if (this.#filled === GROUP) {
      this.#filled = 0;
      // The median: now and then another thread gets the core in between.
      const medianNs = this.#group.sort()[GROUP / 2] ?? 0;
      this.#averageNs =
        this.#averageNs === 0 ? medianNs : this.#averageNs + (medianNs - this.#averageNs) * GROUP_WEIGHT;
    }
    return this.#averageNs;
  }
}

/** How much faster work would be with the core at its best: 1, or less when it has become slower. Both times in nanoseconds. */
export function paceFactor(bestNs: number, nowNs: number): number {
  if (bestNs <= 0 || nowNs <= bestNs) return 1;
  return Math.max(LEAST_FACTOR, (bestNs / nowNs) ** WORK_SHARE);
}

/** One circle through all lines in an order that no prefetcher knows; the same in every run. */
function createWalk(): Int32Array {
  const order = Array.from({length: LINES}, (_, line) => line);
  let seed = 1;
  for (let last = LINES - 1; last > 0; last -= 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    const other = seed % (last + 1);
    [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
  }
  const next = new Int32Array(LINES * NUMBERS_PER_LINE);
  for (const [place, line] of order.entries())
    next[line * NUMBERS_PER_LINE] = (order[(place + 1) % LINES] ?? 0) * NUMBERS_PER_LINE;
  return next;
}
