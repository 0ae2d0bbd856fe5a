import {readFileSync} from 'node:fs';

/** What it costs to go on with so much memory after a pause of this length, at full speed. */
export interface Reheating {
  readonly workingSetBytes: number;
  readonly pauseNs: number;
  readonly costNs: number;
}

const LINE_BYTES = 64;
/** What lies nearest is lost last, so a small working set costs less than its share. More than half is never ours alone. */
const CACHE_SHARES = [1 / 8, 1 / 2];
/**
 * From the shortest pause of a device four times as slow to the first ones of one twenty times as slow. After longer
 * ones this walk, which waits for every line, loses far more than inference does, whose lines are fetched ahead.
 */
const PAUSES_MS = [1, 3, 9];
const TRIES = 21;
const WARM_UP_WALKS = 100;
/** Where the kernel does not tell: what most cores of the last ten years have at least. */
const COMMON_CACHE_BYTES = 2 ** 18;

/**
 * How much longer a walk through memory takes after this thread's core rested than at once, by the length of the rest and
 * the walk, never less for a longer one; as the median of many tries, because a single one takes up to ten times as long
 * when a neighbour wants the cache. `cacheBytes` is the size of the core's own cache. Blocks the thread for about 0.6 s.
 */
export function measureReheating(cacheBytes: number): Reheating[] {
  return CACHE_SHARES.flatMap(share => {
    const workingSetBytes = cacheBytes * share;
    const walk = createWalk(workingSetBytes);
    for (let time = 0; time < WARM_UP_WALKS; time += 1) walk();
    let leastNs = 0;
    return PAUSES_MS.map(pauseMs => {
      leastNs = Math.max(leastNs, measureAfter(pauseMs, walk));
      return {workingSetBytes, pauseNs: pauseMs * 1e6, costNs: leastNs};
    });
  });
}

function measureAfter(pauseMs: number, walk: () => number): number {
  const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const extraNs = Array.from({length: TRIES}, () => {
    Atomics.wait(sleeper, 0, 0, pauseMs);
    const coldNs = walk();
    // The second one still brings back what the first one threw out.
    walk();
    return coldNs - walk();
  });
  return medianOf(extraNs);
}

/**
 * The cost for this working set after `pauseNs`: on straight lines between what was measured, in proportion beyond the
 * largest working set, and after any longer pause the same as after the longest.
 */
export function reheatingAfter(
  measured: readonly Reheating[],
  pauseNs: number,
  workingSetBytes: number,
): number {
  const sizes = [...new Set(measured.map(each => each.workingSetBytes))];
  const costs = sizes.map((bytes): Point => {
    const rows = measured.filter(each => each.workingSetBytes === bytes);
    return [
      bytes,
      valueAt(
        rows.map((row): Point => [row.pauseNs, row.costNs]),
        pauseNs,
      ),
    ];
  });
  const [largestBytes, largestNs] = costs.at(-1) ?? [0, 0];
  return workingSetBytes > largestBytes && largestBytes > 0
    ? largestNs * (workingSetBytes / largestBytes)
    : valueAt(costs, workingSetBytes);
}

type Point = readonly [at: number, value: number];

/** On straight lines from (0, 0) through the points, which ascend, and level beyond the last one. */
function valueAt(points: readonly Point[], at: number): number {
  let [belowAt, belowValue]: Point = [0, 0];
  for (const [pointAt, value] of points) {
    if (at <= pointAt) return belowValue + ((value - belowValue) * (at - belowAt)) / (pointAt - belowAt);
    [belowAt, belowValue] = [pointAt, value];
  }
  return belowValue;
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/** The size of the second-level cache, which is a core's own on most processors; the next one is shared and stays warm. */
export function readCacheBytes(core: number): number {
  try {
    const text = readFileSync(`/sys/devices/system/cpu/cpu${core}/cache/index2/size`, 'latin1');
    const kibibytes = Number(/^(\d+)K/.exec(text)?.[1]);
    return kibibytes > 0 ? kibibytes * 1024 : COMMON_CACHE_BYTES;
  } catch {
    return COMMON_CACHE_BYTES;
  }
}

/** Goes through every cache line once and tells how long it took; in scattered order, else the processor fetches ahead. */
function createWalk(bytes: number): () => number {
  const lines = Math.floor(bytes / LINE_BYTES);
  const wordsPerLine = LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;
  const next = new Int32Array(lines * wordsPerLine);
  // A prime, so that every line comes up once, and larger than a page, so that neighbours lie far apart.
  const stride = 6151;
  for (let line = 0; line < lines; line += 1)
    next[line * wordsPerLine] = ((line + stride) % lines) * wordsPerLine;
  let at = 0;
  return () => {
    const startedMs = performance.now();
    for (let line = 0; line < lines; line += 1) at = next[at] ?? 0;
    return (performance.now() - startedMs) * 1e6;
  };
}
