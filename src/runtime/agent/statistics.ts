import {readFile, rename, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {
  agentStatisticsSchema,
  type AgentStatistics,
  type CutStatistics,
  type ReleaseStatistics,
} from '../../documents/agentStatistics.ts';
import type {ServedModel} from '../server/servedModels.ts';
import {countRequests, newCounts, type RequestCounts} from './countRequests.ts';
import {watchThrottling} from './throttling.ts';

export interface Statistics {
  /** Counts for this release from now on; what was counted for another one becomes the previous. */
  begin(release: string, readCuts?: () => CutStatistics): Promise<void>;
  /** The same model, counted. */
  count(model: ServedModel): ServedModel;
  read(): AgentStatistics;
  /** Ends the looking and keeps what was counted. */
  close(): Promise<void>;
}

const FILE = 'statistics.json';
const LOOK_EVERY_MS = 5000;
/** A memory card is not written to for every request. */
const SAVE_EVERY_MS = 60_000;

const savedSchema = z.object({statistics: agentStatisticsSchema, bootId: z.string(), isClosed: z.boolean()});

interface Counting {
  readonly release: string;
  readonly counts: RequestCounts;
  readonly startedMs: number;
  readonly restarts: number;
  readonly readCuts?: (() => CutStatistics) | undefined;
  looks: number;
  throttledLooks: number;
}

/** What the agent knows about how its release does; kept in statistics.json, so that it outlives the agent. */
export async function openStatistics(
  home: string,
  bootId: string,
  look = watchThrottling(),
): Promise<Statistics> {
  const saved = await readSaved(home);
  let previous: ReleaseStatistics | null = saved?.statistics.previous ?? null;
  let counting: Counting | null = null;
  let lastSaveMs = performance.now();
  let writing: Promise<void> = Promise.resolve();

  const read = (): AgentStatistics => ({
    kind: 'edgewise/agent-statistics',
    formatVersion: 1,
    current: counting === null ? null : statisticsOf(counting),
    previous,
  });
  const save = (isClosed: boolean): Promise<void> => {
    lastSaveMs = performance.now();
    const text = JSON.stringify({statistics: read(), bootId, isClosed});
    // One after the other. A full disk must not end the agent: what is counted is worth less than what is served.
    writing = writing.then(() => writeAside(join(home, FILE), text)).catch(() => {});
    return writing;
  };
  const timer = setInterval(() => {
    void look().then(isThrottled => {
      if (counting === null || isThrottled === null) return;
      counting.looks++;
      if (isThrottled) counting.throttledLooks++;
    });
    if (performance.now() - lastSaveMs >= SAVE_EVERY_MS) void save(false);
  }, LOOK_EVERY_MS);
  timer.unref();

  return {
    async begin(release, readCuts) {
      if (counting?.release === release) {
        counting = {...counting, readCuts};
        return;
      }
      const before = counting === null ? (saved?.statistics.current ?? null) : statisticsOf(counting);
      // The same release by another process: unless that one was told to end, or the device was, it died.
      const isAgain = counting === null && before?.release === release;
      const hasDied = isAgain && saved?.bootId === bootId && !saved.isClosed;
      if (before !== null && before.release !== release) previous = before;
      counting = {
        release,
        counts: newCounts(),
        startedMs: performance.now(),
        restarts: isAgain ? before.restarts + (hasDied ? 1 : 0) : 0,
        readCuts,
        looks: 0,
        throttledLooks: 0,
      };
      await save(false);
    },
    count: model => (counting === null ? model : countRequests(model, counting.counts)),
    read,
    async close() {
      clearInterval(timer);
      await save(true);
    },
  };
}

function statisticsOf({
  release,
  counts,
  startedMs,
  restarts,
  readCuts,
  looks,
  throttledLooks,
}: Counting): ReleaseStatistics {
  return {
    release,
    requests: counts.requests,
    errors: counts.errors,
    latency: {...counts.latency},
    classes: counts.classes === null ? null : {...counts.classes},
    residentBytes: process.memoryUsage.rss(),
    servingMs: Math.round(performance.now() - startedMs),
    restarts,
    throttled: looks === 0 ? null : throttledLooks / looks,
    ...(readCuts === undefined ? {} : {cuts: readCuts()}),
  };
}

async function readSaved(home: string): Promise<z.infer<typeof savedSchema> | null> {
  try {
    return savedSchema.parse(JSON.parse(await readFile(join(home, FILE), 'utf8')));
  } catch {
    return null;
  }
}

async function writeAside(path: string, text: string): Promise<void> {
  const partial = `${path}.partial`;
  await writeFile(partial, text);
  await rename(partial, path);
}
