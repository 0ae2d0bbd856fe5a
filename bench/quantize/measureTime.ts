import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {writeBuiltScript} from './builtScript.ts';
import {startOurs, startPeer, type QuantizerTask} from './quantizer.ts';
import {calibrationOf, type Subject} from './subjects.ts';
import {quantile, spreadOf, type TablePrinter} from './table.ts';

const LARGEST_RATIO = 0.5;
const RECIPE = 'per-channel';
const PAIRS = 7;
const PROCESS_PAIRS = 3;
/** Pairs of large models end early: their times vary less. */
const LONGEST_SECONDS = 15;

/**
 * Seconds from file to file with the same recipe and samples, ours beside the peer's, turn about. Two ratios: of
 * quantisations in living processes, after a first one that is not counted, and of whole processes from start to end,
 * where both load their modules; ours then those that `npm run build` made, which users run.
 */
export async function measureTime(
  python: string,
  subjects: readonly Subject[],
  tables: TablePrinter,
): Promise<void> {
  const rows = tables.start(
    `time to quantise (${RECIPE}, min-max), file to file, against onnxruntime.quantization`,
    `≤ ${LARGEST_RATIO} ×, modules loaded; medians and quartiles of pairs`,
    ['model', 'seconds ours', 'seconds peer', 'ratio', 'processes ours', 'processes peer', 'ratio'],
  );
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-bench-built-'));
  const built = writeBuiltScript('quantizePlainly.ts', folder);
  for (const subject of subjects) {
    const task = {
      model: subject.model,
      calibration: calibrationOf(subject),
      recipe: RECIPE,
      out: join(tmpdir(), `edgewise-bench-${process.pid}.onnx`),
    };
    try {
      const warm = await warmPairs(python, task);
      const whole = await processPairs(python, task, built);
      const ratio = quantile(ratiosOf(warm), 0.5);
      rows.add([subject.name, ...cellsOf(warm), ...cellsOf(whole)], ratio <= LARGEST_RATIO);
    } catch (error) {
      rows.add([subject.name, `the peer fails: ${(error as Error).message.slice(0, 80)}`]);
    }
  }
  rmSync(folder, {recursive: true});
}

interface Pair {
  readonly ours: number;
  readonly peer: number;
}

async function warmPairs(python: string, task: QuantizerTask): Promise<Pair[]> {
  const ours = startOurs(task);
  const peer = startPeer(python, task);
  try {
    await peer.quantize();
    await ours.quantize();
    return await takePairs(PAIRS, async () => ({
      ours: (await ours.quantize()).seconds,
      peer: (await peer.quantize()).seconds,
    }));
  } finally {
    await ours.close();
    await peer.close();
  }
}

function processPairs(python: string, task: QuantizerTask, built: string): Promise<Pair[]> {
  const wallSeconds = async (start: () => ReturnType<typeof startOurs>): Promise<number> => {
    const started = performance.now();
    const quantizer = start();
    await quantizer.quantize();
    await quantizer.close();
    return (performance.now() - started) / 1000;
  };
  return takePairs(PROCESS_PAIRS, async () => ({
    ours: await wallSeconds(() => startOurs(task, built)),
    peer: await wallSeconds(() => startPeer(python, task)),
  }));
}

async function takePairs(count: number, take: () => Promise<Pair>): Promise<Pair[]> {
  const pairs: Pair[] = [];
  const started = performance.now();
  while (pairs.length < count && performance.now() - started < LONGEST_SECONDS * 1000)
    pairs.push(await take());
  return pairs;
}

function ratiosOf(pairs: readonly Pair[]): number[] {
  return pairs.map(({ours, peer}) => ours / peer);
}

function cellsOf(pairs: readonly Pair[]): string[] {
  return [
    quantile(
      pairs.map(({ours}) => ours),
      0.5,
    ).toFixed(3),
    quantile(
      pairs.map(({peer}) => peer),
      0.5,
    ).toFixed(3),
    spreadOf(ratiosOf(pairs)),
  ];
}
