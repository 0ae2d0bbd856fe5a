/**
 * Quantising, against onnxruntime.quantization: quality, latency, time, memory and size, on the models of ../shared/models
 * and on samples that were not calibrated with. Needs Python with onnx and onnxruntime in EDGEWISE_PYTHON; without it, a
 * virtual environment is made in a temporary folder.
 *
 *   node bench/quantize.ts [--only quality,latency,memory] [NAME …]
 */
import {execFile} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs, promisify} from 'node:util';
import {openSession} from '../src/engine/session.ts';
import {openNpy, writeNpy} from '../src/workspace/npy.ts';
import {SHARED_MODELS} from '../test/integration/sharedModels.ts';

const run = promisify(execFile);
const PEER_RECIPES = ['default', 'per-channel', 'entropy', 'percentile'] as const;
/** Of the samples that both runtimes must answer alike. */
const COMPARED_SAMPLES = 8;
const MEMORY_SAMPLES = 500;

interface Subject {
  readonly name: string;
  readonly model: string;
  readonly folder: string;
  /** `conv`: +3 dB is asked; `other`: no loss; `topology`: seeded weights, for time and size only. */
  readonly kind: 'conv' | 'other' | 'topology';
  readonly isLabelled: boolean;
}

interface Made {
  readonly seconds: number;
  readonly wallSeconds: number;
  readonly peakMegabytes: number;
}

interface Compared {
  readonly name: string;
  readonly sqnrDb: number | null;
  readonly milliseconds: number;
  readonly ratiosTo: Readonly<Record<string, readonly [number, number, number]>>;
  readonly valid: true | string;
  readonly right?: number;
  readonly of?: number;
  readonly differenceFromOurs?: number;
  readonly largestAnswer?: number;
}

const {values, positionals} = parseArgs({options: {only: {type: 'string'}}, allowPositionals: true});
const parts = new Set((values.only ?? 'quality,memory').split(','));
const here = (name: string): string => fileURLToPath(new URL(`./quantize/${name}`, import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'edgewise-bench-quantize-'));
try {
  const python = process.env['EDGEWISE_PYTHON'] ?? (await makePython());
  const subjects = await prepareSubjects(python);
  if (parts.has('quality')) await measureQuality(python, subjects);
  if (parts.has('memory')) await measureMemory(python, subjects);
} finally {
  rmSync(work, {recursive: true, force: true});
}

async function makePython(): Promise<string> {
  const folder = join(work, 'venv');
  await run('python3', ['-m', 'venv', folder]);
  await run(join(folder, 'bin/pip'), ['install', '--quiet', 'numpy', 'onnx', 'onnxruntime', 'sympy']);
  return join(folder, 'bin/python');
}

async function prepareSubjects(python: string): Promise<Subject[]> {
  if (!existsSync(SHARED_MODELS)) throw new Error(`the shared models are missing: ${SHARED_MODELS}`);
  const data = join(work, 'data');
  mkdirSync(data);
  await run(python, [here('prepareData.py'), SHARED_MODELS, data]);
  const all = JSON.parse(readFileSync(join(data, 'models.json'), 'utf8')) as Subject[];
  return positionals.length === 0
    ? all
    : all.filter(({name}) => positionals.some(part => name.includes(part)));
}

async function timed(program: string, args: readonly string[]): Promise<Made> {
  const started = performance.now();
  const {stdout} = await run(program, [...args], {maxBuffer: 2 ** 26});
  const wallSeconds = (performance.now() - started) / 1000;
  return {...(JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Made), wallSeconds};
}

function makeOurs(
  subject: Subject,
  recipe: string,
  out: string,
  samples: readonly string[] = [],
): Promise<Made> {
  const calibration = join(subject.folder, 'calibration.npy');
  return timed(process.execPath, [
    here('quantizeOurs.ts'),
    subject.model,
    calibration,
    recipe,
    out,
    ...samples,
  ]);
}

function makePeer(
  python: string,
  subject: Subject,
  recipe: string,
  out: string,
  samples: readonly string[] = [],
): Promise<Made> {
  const calibration = join(subject.folder, 'calibration.npy');
  return timed(python, [here('quantizePeer.py'), subject.model, calibration, recipe, out, ...samples]);
}

async function measureQuality(python: string, subjects: readonly Subject[]): Promise<void> {
  console.log(
    'model                     dB ours  best peer  gain | top-1 fp32  ours | ms ours/peer  ours/fp32  peer/fp32 | size % | seconds plain ours/peer  wall  full s | valid  equal',
  );
  for (const subject of subjects) {
    const file = (recipe: string): string => join(subject.folder, `${recipe}.onnx`);
    const peers = new Map<string, Made>();
    for (const recipe of PEER_RECIPES) {
      try {
        peers.set(recipe, await makePeer(python, subject, recipe, file(recipe)));
      } catch (error) {
        console.log(`  ${subject.name}: the peer's recipe ${recipe} fails: ${lastLine(error)}`);
      }
    }
    const plain = await makeOurs(subject, 'plain', file('ours-plain'));
    const full = await makeOurs(subject, 'full', file('ours'));
    await answer(subject, file('ours'), join(subject.folder, 'ours.npy'));
    const spec = {
      float: subject.model,
      files: Object.fromEntries([...peers.keys(), 'ours'].map(recipe => [recipe, file(recipe)])),
      evaluation: join(subject.folder, 'evaluation.npy'),
      labels: subject.isLabelled ? join(subject.folder, 'labels.npy') : null,
      rounds: 60,
      threads: 1,
      ours: {ours: join(subject.folder, 'ours.npy')},
    };
    writeFileSync(join(subject.folder, 'spec.json'), JSON.stringify(spec));
    const {stdout} = await run(python, [here('comparePeer.py'), join(subject.folder, 'spec.json')], {
      maxBuffer: 2 ** 26,
    });
    report(subject, JSON.parse(stdout.trim().split('\n').at(-1) ?? '[]') as Compared[], {
      plain,
      full,
      peer: peers.get('per-channel'),
      sizeShare: statSync(file('ours')).size / statSync(subject.model).size,
    });
  }
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
    await writeNpy(out, {
      elementType: 'float32',
      shape: [parts.length, bytes.byteLength / 4 / parts.length],
      bytes,
    });
  } finally {
    await samples.close();
    await session.close();
  }
}

interface MadeFiles {
  readonly plain: Made;
  readonly full: Made;
  readonly peer: Made | undefined;
  readonly sizeShare: number;
}

function report({name, kind}: Subject, rows: readonly Compared[], made: MadeFiles): void {
  const rowOf = (wanted: string): Compared | undefined => rows.find(row => row.name === wanted);
  const ours = rowOf('ours');
  const peers = rows.filter(row => row.name !== 'ours' && row.name !== 'float');
  const best = Math.max(...peers.map(({sqnrDb}) => sqnrDb ?? Infinity));
  const fastest = peers.reduce<Compared | undefined>(
    (left, right) => (left === undefined || right.milliseconds < left.milliseconds ? right : left),
    undefined,
  );
  const gain = (ours?.sqnrDb ?? Infinity) - best;
  const ratio = (of: Compared | undefined, to: string): string =>
    of?.ratiosTo[to] === undefined ? '-' : of.ratiosTo[to].map(value => value.toFixed(2)).join('/');
  const isEqual =
    ours?.differenceFromOurs === undefined
      ? '-'
      : `${((100 * ours.differenceFromOurs) / (ours.largestAnswer ?? 1)).toFixed(2)} %`;
  console.log(
    [
      name.padEnd(24),
      number(ours?.sqnrDb),
      number(best),
      `${number(gain)}${kind === 'conv' && gain < 3 ? ' (<3)' : kind === 'other' && gain < 0 ? ' (<0)' : ''}`,
      '|',
      ours?.of === undefined ? '-' : `${rowOf('float')?.right ?? '?'} → ${ours.right ?? '?'} of ${ours.of}`,
      '|',
      ratio(ours, fastest?.name ?? ''),
      ratio(ours, 'float'),
      ratio(fastest, 'float'),
      '|',
      (100 * made.sizeShare).toFixed(1),
      '|',
      `${made.plain.seconds.toFixed(2)}/${made.peer?.seconds.toFixed(2) ?? '-'}`,
      `${made.plain.wallSeconds.toFixed(2)}/${made.peer?.wallSeconds.toFixed(2) ?? '-'}`,
      made.full.seconds.toFixed(1),
      '|',
      ours?.valid === true ? 'yes' : String(ours?.valid),
      isEqual,
    ].join('  '),
  );
}

/** Peak memory with many samples: ours must not grow with them. */
async function measureMemory(python: string, subjects: readonly Subject[]): Promise<void> {
  console.log(
    `\npeak memory, ${MEMORY_SAMPLES} calibration samples, histogram ranges (MB): ours, limit 3 × model + 300, peer`,
  );
  for (const subject of subjects.filter(({kind}) => kind !== 'other')) {
    const out = join(subject.folder, 'memory.onnx');
    const ours = await makeOurs(subject, 'percentile', out, [String(MEMORY_SAMPLES)]);
    const limit = (3 * statSync(subject.model).size) / 1e6 + 300;
    let peer: string;
    try {
      // The peer keeps every activation of every sample: 30 are enough to see where it goes.
      const made = await makePeer(python, subject, 'percentile', out, ['30']);
      peer = `${made.peakMegabytes.toFixed(0)} (with 30)`;
    } catch (error) {
      peer = lastLine(error);
    }
    const verdict = ours.peakMegabytes <= limit ? '' : '  ABOVE THE LIMIT';
    console.log(
      `${subject.name.padEnd(24)}  ${ours.peakMegabytes.toFixed(0)}  ${limit.toFixed(0)}  ${peer}${verdict}`,
    );
  }
}

function number(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? 'inf' : value.toFixed(2);
}

function lastLine(error: unknown): string {
  return String(error).trim().split('\n').at(-1)?.slice(0, 120) ?? '';
}
