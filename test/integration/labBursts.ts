import {spawn, type ChildProcess} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

/** A process that does a fixed amount of work when told to. */
export interface BurstProcess {
  readonly pid: number;
  /** Milliseconds from the request to the answer, as whoever asks a device sees it. */
  runBurst(units: number): Promise<number>;
  stop(): Promise<void>;
}

export interface BurstOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly commandPrefix?: readonly string[];
  /** `script` and its arguments: one line with a number in, one line out when the work is done. */
  readonly script?: readonly string[];
}

export async function startBurstProcess(options: BurstOptions = {}): Promise<BurstProcess> {
  const script = options.script ?? [fileURLToPath(new URL('./labBurstChild.ts', import.meta.url))];
  const argv = [...(options.commandPrefix ?? []), process.execPath, ...script];
  const child: ChildProcess = spawn(argv[0] ?? '', argv.slice(1), {
    env: {...process.env, ...options.environment},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const {stdin, stdout} = child;
  if (stdin === null || stdout === null) throw new Error('started without pipes');
  const lines = createInterface({input: stdout})[Symbol.asyncIterator]();
  const readLine = async (): Promise<string> => {
    const {value, done} = await lines.next();
    if (done === true || value === undefined) throw new Error('the burst process ended');
    return value;
  };
  await readLine();
  return {
    pid: child.pid ?? 0,
    async runBurst(units) {
      const startMs = performance.now();
      stdin.write(`${units}\n`);
      await readLine();
      return performance.now() - startMs;
    },
    async stop() {
      const hasExited = new Promise<void>(resolve => child.once('exit', () => resolve()));
      child.kill('SIGKILL');
      await hasExited;
    },
  };
}

/** How often the child's unit of work fits into a millisecond at the moment: the best of many tries. */
export async function unitsPerMs(burst: BurstProcess, units = 500): Promise<number> {
  let bestMs = Infinity;
  for (let round = 0; round < 40; round += 1) bestMs = Math.min(bestMs, await burst.runBurst(units));
  return units / bestMs;
}

const LEARNING_BURSTS = 2;

export interface Comparison {
  readonly fullSpeedMs: readonly number[];
  readonly slowedMs: readonly number[];
}

/**
 * The same bursts at full speed and slowed, in blocks turn about, so that whatever else this machine does meets both
 * alike; with pauses of random length between bursts. At full speed there is no governor at all: its looking costs a
 * neighbouring core something too.
 */
export async function compareBursts(
  burst: BurstProcess,
  units: number,
  rounds: {readonly blocks: number; readonly perBlock: number},
  startSlowdown: () => Promise<{close(): Promise<void>}>,
): Promise<Comparison> {
  const result = {fullSpeedMs: [] as number[], slowedMs: [] as number[]};
  const runBlock = async (into: number[]): Promise<void> => {
    for (let round = 0; round < rounds.perBlock; round += 1) {
      await pause();
      into.push(await burst.runBurst(units));
    }
  };
  for (let block = 0; block < rounds.blocks; block += 1) {
    await runBlock(result.fullSpeedMs);
    const slowdown = await startSlowdown();
    // A governor learns from the first bursts how much memory a process works with.
    for (let round = 0; round < LEARNING_BURSTS; round += 1) await burst.runBurst(units);
    await runBlock(result.slowedMs);
    await slowdown.close();
  }
  return result;
}

/** As long as nobody asks. */
export function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 3 + Math.random() * 12));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}
