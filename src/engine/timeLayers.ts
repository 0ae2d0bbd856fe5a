import {createReadStream} from 'node:fs';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout as delay} from 'node:timers/promises';
import type {InferenceSession} from 'onnxruntime-node';
import {PAUSE_MS} from './pauseMs.ts';
import {
  layerMeansFromRuns,
  median,
  runsFromTraceLines,
  scaleLayers,
  type KernelEvent,
} from './profileTrace.ts';

type Feeds = Parameters<InferenceSession['run']>[0];
type Load = (options: InferenceSession.SessionOptions) => Promise<InferenceSession>;

/** ONNX Runtime falls silent after 1,000,000 events, and a device must be able to read the file: stay far below. */
const MAX_KERNEL_EVENTS = 20_000;

/**
 * Wall times come from an unprofiled session, because profiling slows small kernels by up to 30 %; a profiled session
 * gives only the shares. Runs inside the worker.
 */
export async function timeLayers(
  load: Load,
  feedsFor: (session: InferenceSession) => Promise<Feeds>,
  {runs, warmUps}: {readonly runs: number; readonly warmUps: number},
): Promise<{wholeRunMs: number[]; layers: {name: string; operator: string; ms: number}[]}> {
  const wholeRunMs: number[] = [];
  const plain = await load({});
  const feeds = await feedsFor(plain);
  for (let run = 0; run < warmUps; run++) await plain.run(feeds);
  for (let run = 0; run < runs; run++) {
    await delay(PAUSE_MS);
    const startedNs = process.hrtime.bigint();
    await plain.run(feeds);
    wholeRunMs.push(Number(process.hrtime.bigint() - startedNs) / 1e6);
  }
  await plain.release();

  const counted = await profileRuns(load, feeds, 1);
  const layerCount = Math.max(1, counted[0]?.length ?? 0);
  const profiledRuns = Math.min(runs, Math.max(1, Math.floor(MAX_KERNEL_EVENTS / layerCount) - 1));
  const kernels = await profileRuns(load, feeds, profiledRuns);
  return {wholeRunMs, layers: scaleLayers(layerMeansFromRuns(kernels), median(wholeRunMs))};
}

/** One unrecorded run to warm up, then `runs` recorded ones. */
async function profileRuns(load: Load, feeds: Feeds, runs: number): Promise<KernelEvent[][]> {
  // The runtime writes nothing, and says nothing, when the folder of the prefix does not exist.
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-profile-'));
  try {
    const profiled = await load({enableProfiling: true, profileFilePrefix: join(folder, 'trace')});
    for (let run = 0; run <= runs; run++) {
      await delay(PAUSE_MS);
      await profiled.run(feeds);
    }
    profiled.endProfiling();
    await profiled.release();
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error(`ONNX Runtime wrote no profile into ${folder}`);
    const lines: string[] = [];
    for await (const line of createInterface({input: createReadStream(join(folder, file))})) lines.push(line);
    return runsFromTraceLines(lines).slice(1);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}
