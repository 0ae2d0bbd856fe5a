import {execFile} from 'node:child_process';
import {statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {openSession} from '../../src/engine/session.ts';
import {chooseBuild} from '../../src/targets/chooseBuild.ts';
import {openNpy, writeNpy} from '../../src/workspace/npy.ts';
import {besideThis, startPeer} from './quantizer.ts';
import {calibrationOf, type Subject} from './subjects.ts';
import type {TablePrinter} from './table.ts';

const run = promisify(execFile);
const PEER_RECIPES = ['default', 'per-channel', 'entropy', 'percentile'] as const;
/** Of the samples that both runtimes must answer alike. */
const COMPARED_SAMPLES = 8;
/** Of the largest answer: the two runtimes are of different versions, whose float layers may round differently. */
const LARGEST_DIFFERENCE = 0.01;
const GAIN_DB = 3;
const LARGEST_LATENCY_TO_PEER = 1.02;
const LARGEST_LATENCY_TO_FLOAT = 0.6;
/** On models over 1 MB. */
const LARGEST_SIZE = 0.26;

/** One quantised file beside the others, as comparePeer.py prints it. */
interface Compared {
  readonly name: string;
  /** `null` when equal. */
  readonly sqnrDb: number | null;
  readonly milliseconds: number;
  /** Quartiles of the ratios round by round. */
  readonly ratiosTo: Readonly<Record<string, readonly [number, number, number]>>;
  readonly valid: true | string;
  readonly right?: number;
  readonly of?: number;
  readonly differenceFromOurs?: number;
  readonly largestAnswer?: number;
}

interface Judged {
  readonly subject: Subject;
  readonly float: Compared;
  readonly ours: Compared;
  /** Layers in float for the sake of the bars. */
  readonly kept: number;
  readonly peers: readonly Compared[];
  readonly sizeShare: number;
}

export interface QualityTask {
  readonly python: string;
  readonly target: string;
  /** Whether this machine is of that target; else accuracy is computed node by node, as the files say. */
  readonly isHere: boolean;
}

/** All that the files say, quantised as `edgewise compile` does: validity, noise, top-1, latency and size. */
export async function measureQuality(
  task: QualityTask,
  subjects: readonly Subject[],
  tables: TablePrinter,
): Promise<void> {
  const judged: Judged[] = [];
  for (const subject of subjects) judged.push(await judge(task, subject));
  console.log(
    `\nfor ${task.target}, accuracy ${task.isHere ? 'as this machine computes' : 'with exact sums'}`,
  );
  printValidity(judged, tables);
  printNoise(judged, tables);
  printTopOne(judged, tables);
  printLatency(judged, tables);
  printSize(judged, tables);
}

async function judge({python, target, isHere}: QualityTask, subject: Subject): Promise<Judged> {
  const {model, folder, isLabelled} = subject;
  const file = (recipe: string): string => join(folder, `${recipe}.onnx`);
  const made: string[] = [];
  for (const recipe of PEER_RECIPES) {
    const peer = startPeer(python, {model, calibration: calibrationOf(subject), recipe, out: file(recipe)});
    try {
      await peer.quantize();
      made.push(recipe);
    } catch (error) {
      console.log(`${subject.name}: the peer's recipe ${recipe} fails: ${(error as Error).message}`);
    } finally {
      await peer.close();
    }
  }
  const gainDb = leastGainOf(subject);
  const arguments_ = [besideThis('quantizeFully.ts'), model, folder, target, String(gainDb)];
  const {stdout: quantised} = await run(process.execPath, [...arguments_, ...made.map(file)], {
    maxBuffer: 2 ** 26,
  });
  const candidates = JSON.parse(quantised) as {name: string; path: string; kept: number}[];
  const answersOf = (path: string): string => path.replace(/\.onnx$/, '.npy');
  for (const {path} of candidates) await answer(subject, path, answersOf(path));
  const spec = {
    float: model,
    files: {
      ...Object.fromEntries(made.map(recipe => [recipe, file(recipe)])),
      ...Object.fromEntries(candidates.map(({name, path}) => [name, path])),
    },
    evaluation: join(folder, 'evaluation.npy'),
    labels: isLabelled ? join(folder, 'labels.npy') : null,
    rounds: 60,
    threads: 1,
    exact: !isHere,
    ours: Object.fromEntries(candidates.map(({name, path}) => [name, answersOf(path)])),
  };
  writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
  const {stdout} = await run(python, [besideThis('comparePeer.py'), join(folder, 'spec.json')], {
    maxBuffer: 2 ** 26,
  });
  const rows = JSON.parse(stdout.trim().split('\n').at(-1) ?? '[]') as Compared[];
  const [float] = rows.filter(({name}) => name === 'float');
  const peers = rows.filter(({name}) => made.includes(name));
  const all = candidates.flatMap(({name, path, kept}) => {
    const [row] = rows.filter(one => one.name === name);
    return row === undefined ? [] : [{row, path, kept}];
  });
  const bestDb = Math.max(...peers.map(decibels));
  const fastest = fastestOf(peers);
  const isAsFast = ({row}: {row: Compared}): boolean =>
    fastest !== undefined && (row.ratiosTo[fastest.name]?.[1] ?? Infinity) <= LARGEST_LATENCY_TO_PEER;
  // Some budget asks for what meets both bars, where anything does; else it is that of the peer.
  const both = all.filter(one => decibels(one.row) >= bestDb + gainDb && isAsFast(one));
  const ours =
    handedOut(both, bestDb) ??
    handedOut(
      all.filter(({kept}) => kept === 0),
      bestDb,
    );
  if (float === undefined || ours === undefined) throw new Error(`comparePeer.py left out ${subject.name}`);
  const sizeShare = statSync(ours.path).size / statSync(model).size;
  return {subject, float, ours: ours.row, kept: ours.kept, peers, sizeShare};
}

function leastGainOf({kind}: Subject): number {
  return kind === 'conv' ? GAIN_DB : 0;
}

/** What `edgewise compile` hands out when the budget is the peer's best ratio; where that is fp32, the most exact of ours. */
function handedOut<T extends {readonly row: Compared}>(all: readonly T[], leastDb: number): T | undefined {
  const {name} = chooseBuild([
    ...all.map(({row}) => ({
      name: row.name,
      isFp32: false,
      isWithinBudget: decibels(row) >= leastDb,
      ratioToFp32: row.ratiosTo['float']?.[1] ?? null,
      leastSqnrDb: decibels(row),
    })),
    {name: 'fp32', isFp32: true, isWithinBudget: true, ratioToFp32: 1, leastSqnrDb: Infinity},
  ]);
  return (
    all.find(({row}) => row.name === name) ??
    all.toSorted((one, other) => decibels(other.row) - decibels(one.row))[0]
  );
}

/** What onnxruntime-node makes of the first evaluation samples, for Python to compare with. */
async function answer(subject: Subject, model: string, out: string): Promise<void> {
  const session = await openSession({path: model}, {optimization: 'all', threads: 1});
  const samples = await openNpy(join(subject.folder, 'evaluation.npy'));
  try {
    const parts: Uint8Array[] = [];
    const [input] = session.inputs;
    for (let sample = 0; sample < Math.min(COMPARED_SAMPLES, samples.shape[0] ?? 0); sample += 1) {
      const {outputs} = await session.run({[input?.name ?? '']: await samples.readRows(sample, 1)});
      const [first] = Object.values(outputs);
      if (first !== undefined) parts.push(first.bytes);
    }
    const bytes = new Uint8Array(Buffer.concat(parts));
    const shape = [parts.length, bytes.byteLength / 4 / parts.length];
    await writeNpy(out, {elementType: 'float32', shape, bytes});
  } finally {
    await samples.close();
    await session.close();
  }
}

function printValidity(judged: readonly Judged[], tables: TablePrinter): void {
  const rows = tables.start(
    'files',
    'onnx.checker with full_check takes them, and Python answers as onnxruntime-node does',
    ['model', 'valid', 'largest difference'],
  );
  for (const {subject, ours} of judged) {
    const difference = (ours.differenceFromOurs ?? Infinity) / (ours.largestAnswer ?? 1);
    const isMet = ours.valid === true && difference <= LARGEST_DIFFERENCE;
    rows.add([subject.name, ours.valid === true ? 'yes' : ours.valid, percent(difference)], isMet);
  }
}

function printNoise(judged: readonly Judged[], tables: TablePrinter): void {
  const rows = tables.start(
    "output signal-to-noise ratio against the best of the peer's recipes, dB, samples not calibrated with",
    `≥ +${GAIN_DB} on convolution models, ≥ 0 on the others`,
    ['model', 'ours', 'best peer', 'its recipe', 'gain', 'layers kept'],
  );
  for (const {subject, ours, kept, peers} of judged) {
    const [best] = peers.toSorted((one, other) => decibels(other) - decibels(one));
    const gain = best === undefined ? Infinity : decibels(ours) - decibels(best);
    rows.add(
      [
        subject.name,
        decibels(ours).toFixed(1),
        best === undefined ? '-' : decibels(best).toFixed(1),
        best?.name ?? '-',
        gain.toFixed(1),
        String(kept),
      ],
      gain >= leastGainOf(subject),
    );
  }
}

function printTopOne(judged: readonly Judged[], tables: TablePrinter): void {
  const rows = tables.start(
    'top-1 against fp32',
    'at most 0.5 points less, on sets of under 1000 samples at most 2 samples less',
    ['model', 'samples', 'right in fp32', 'right in int8'],
  );
  for (const {subject, ours, float} of judged) {
    if (ours.of === undefined || ours.right === undefined || float.right === undefined) continue;
    const allowed = ours.of < 1000 ? 2 : 0.005 * ours.of;
    const cells = [subject.name, String(ours.of), String(float.right), String(ours.right)];
    rows.add(cells, float.right - ours.right <= allowed);
  }
}

function printLatency(judged: readonly Judged[], tables: TablePrinter): void {
  const rows = tables.start(
    "latency against the peer's fastest int8, one thread, round by round: medians and quartiles",
    `≤ ${LARGEST_LATENCY_TO_PEER} × the peer's, and ≤ ${LARGEST_LATENCY_TO_FLOAT} × fp32 on convolution models where the peer's is`,
    ['model', 'ms ours', 'to peer', 'to fp32', 'peer to fp32'],
  );
  for (const {subject, ours, peers} of judged) {
    const fastest = fastestOf(peers);
    const toPeer = fastest === undefined ? undefined : ours.ratiosTo[fastest.name];
    const toFloat = ours.ratiosTo['float'];
    const peerToFloat = fastest?.ratiosTo['float'];
    const mustBeatFloat = subject.kind === 'conv' && (peerToFloat?.[1] ?? 1) <= LARGEST_LATENCY_TO_FLOAT;
    rows.add(
      [
        subject.name,
        ours.milliseconds.toFixed(3),
        quartiles(toPeer),
        quartiles(toFloat),
        quartiles(peerToFloat),
      ],
      (toPeer?.[1] ?? 0) <= LARGEST_LATENCY_TO_PEER &&
        (!mustBeatFloat || (toFloat?.[1] ?? Infinity) <= LARGEST_LATENCY_TO_FLOAT),
    );
  }
}

function printSize(judged: readonly Judged[], tables: TablePrinter): void {
  const rows = tables.start(
    'size of int8 files against fp32',
    `≤ ${percent(LARGEST_SIZE)} for models over 1 MB`,
    ['model', 'fp32 MB', 'int8'],
  );
  for (const {subject, sizeShare} of judged) {
    const megabytes = statSync(subject.model).size / 1e6;
    const cells = [subject.name, megabytes.toFixed(2), percent(sizeShare)];
    if (megabytes > 1) rows.add(cells, sizeShare <= LARGEST_SIZE);
    else rows.add(cells);
  }
}

function fastestOf(peers: readonly Compared[]): Compared | undefined {
  return peers.toSorted((one, other) => one.milliseconds - other.milliseconds)[0];
}

function decibels({sqnrDb}: Compared): number {
  return sqnrDb ?? Infinity;
}

function quartiles(values: readonly [number, number, number] | undefined): string {
  if (values === undefined) return '-';
  const [first, median, third] = values.map(value => value.toFixed(2));
  return `${median} [${first}, ${third}]`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
