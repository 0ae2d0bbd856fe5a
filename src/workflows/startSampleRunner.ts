import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {availableParallelism} from 'node:os';
import {dirname, join} from 'node:path';
import type {NamedTensors} from '../documents/tensor.ts';
import {openSession, type Session} from '../engine/session.ts';
import {dropUnused} from '../model/dropUnused.ts';
import {createUntypedValueInfo} from '../model/onnx/createMessages.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {bytesOfFile, writeModel} from '../model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../model/pruneOpsetImports.ts';
import type {RunMode, RunOnSamples, SampleRunner} from '../quantize/sampleRunner.ts';
import {withUnsignedWeights} from '../quantize/saturation/withUnsignedWeights.ts';
import {saturatesHere} from './saturatesHere.ts';

/** Where the samples come from: one request of the model's own shape each. */
export interface SampleSource {
  readonly requestCount: number;
  readRequest(index: number): Promise<NamedTensors>;
}

export interface SampleRunnerOptions {
  /** For models too large to be handed over in memory. */
  readonly temporaryFolder: string;
  readonly threads?: number;
  /** After every sample of every run. */
  readonly onSample?: () => void;
}

/** Larger models go through a file: the runtime would hold the bytes besides what it makes of them. */
const IN_MEMORY_BYTES = 64 * 2 ** 20;
/** Then weights from this size on lie in files of their own, because one file may not pass 2 GiB. */
const EXTERNAL_BYTES = 2 ** 20;

/**
 * Models up to this size are run on as many samples at a time as there are threads: their layers are too small to be
 * divided. That holds the model several times, which larger ones have no room for.
 */
const SIDE_BY_SIDE_BYTES = 4 * 2 ** 20;

/** Computing that is left has to take longer than this, or loading the model once more is not worth it. */
const WORTH_A_SESSION_MS = 20;
/** The same before anything has been computed, in multiply-adds: 20 to 40 ms. */
const WORTH_A_SESSION = 1.5e9;

/** Times what the runs that follow take: 2 for resnet20, 3.5 for a perceptron of 8 layers (AMD EPYC, November 2026). */
const FIRST_RUN = 2.5;

/** Samples of small models go to the engine's thread together, up to so many bytes of inputs and outputs. */
const MESSAGE_BYTES = 2 ** 18;

/** Fewer samples at a time are not worth a message. */
const SMALLEST_GROUP = 4;

/** Parts for each session that what is left is divided into. */
const SHARES = 4;

/** Ranges for each session that may wait to be visited, answered or not: an earlier one may be slow. */
const MOST_WAITING = 4;

/** Of each session two are asked for, so that its thread has the next one at hand, unless one is larger than this. */
const AHEAD_BYTES = 2 ** 24;

const LEVEL = {fused: 'all', exact: 'disabled'} as const satisfies Record<RunMode, string>;

/**
 * Runs models on samples through ONNX Runtime. Of each model only what the wanted tensors need is run, and the next
 * sample is computed while the last one is looked at.
 * @throws from `run`: ExpectedError `model-rejected`, `model-run-failed`, and what reading samples throws
 */
export function startSampleRunner(source: SampleSource, options: SampleRunnerOptions): SampleRunner {
  const threads = options.threads ?? availableParallelism();

  async function withOpener<T>(request: RunOnSamples, work: (opener: Opener) => Promise<T>): Promise<T> {
    const wanted = modelOf(request);
    // What is learned and judged must not depend on the machine that it is done on.
    const model = (await saturatesHere()) ? withUnsignedWeights(wanted) : wanted;
    const bytes = smallModel(model);
    const limit = bytes !== null && bytes.byteLength <= SIDE_BY_SIDE_BYTES ? threads : 1;
    const sessionOptions = {
      optimization: LEVEL[request.mode],
      threads: limit === 1 ? threads : 1,
      isSpinning: true,
    };
    if (bytes !== null)
      return work({limit, open: () => openSession({bytes, canTakeBytes: limit === 1}, sessionOptions)});
    const folder = await mkdtemp(join(options.temporaryFolder, 'run-'));
    try {
      const path = join(folder, 'model.onnx');
      await writeModelFiles(model, path);
      return await work({limit, open: () => openSession({path}, {...sessionOptions, isSparing: true})});
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
  }

  return {
    sampleCount: source.requestCount,
    async run(request) {
      const {from = 0, to = source.requestCount, multiplyAdds = 0, visit} = request;
      await withOpener(request, async ({open, limit}) => {
        const opening = [open()];
        try {
          let asked = from;
          let count = 1;
          let aheadOf = 1;
          let reading: Promise<unknown> = Promise.resolve();
          const waiting: WaitingRange[] = [];
          const askNext = (session: Session): void => {
            const first = asked;
            // Smaller ones towards the end, so that all sessions end at the same time.
            const isShared = opening.length > 1;
            const share = isShared ? Math.ceil((to - first) / (SHARES * opening.length)) : to - first;
            const end = Math.min(to, first + Math.min(count, Math.max(SMALLEST_GROUP, share)));
            asked = end;
            // In order: what lies together is read together, and the first ones asked for are the first to run.
            const feeds = reading.then(() => readRange(session, source, first, end));
            reading = feeds.catch(() => {});
            const answers = feeds.then(all => runAll(session, all));
            const range = {session, first, answers, isAnswered: false};
            waiting.push(range);
            const goOn = (): void => {
              range.isAnswered = true;
              begin(session);
            };
            // Without this a failure of a later run would count as unhandled while this one throws.
            answers.then(goOn, () => {});
          };
          const begin = (session: Session): void => {
            const isUnderWay = (range: WaitingRange): boolean =>
              range.session === session && !range.isAnswered;
            while (
              asked < to &&
              waiting.length < MOST_WAITING * limit &&
              waiting.filter(isUnderWay).length < aheadOf
            )
              askNext(session);
          };
          const openAll = (): void => {
            while (opening.length < limit) {
              const another = open();
              opening.push(another);
              // The first one does it all where there is no room for another.
              another.then(begin, () => {});
            }
          };
          if ((to - from) * multiplyAdds > WORTH_A_SESSION) openAll();
          begin(await (opening[0] as Promise<Session>));
          for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
            const {runs, sizeBytes, computeMs} = await group.answers;
            count = Math.max(1, Math.floor((MESSAGE_BYTES * runs.length) / Math.max(1, sizeBytes)));
            aheadOf = sizeBytes / runs.length > AHEAD_BYTES ? 1 : 2;
            const runMs = computeMs / runs.length / (group.first > from ? 1 : FIRST_RUN);
            const isWorthMore = (to - asked) * runMs > WORTH_A_SESSION_MS;
            if (isWorthMore) openAll();
            begin(group.session);
            for (const [at, values] of runs.entries()) {
              visit(values, group.first + at);
              options.onSample?.();
            }
          }
        } finally {
          for (const opened of await Promise.allSettled(opening))
            if (opened.status === 'fulfilled') await opened.value.close();
        }
      });
    },
  };
}

interface Opener {
  readonly open: () => Promise<Session>;
  /** How many sessions may be open. */
  readonly limit: number;
}

/** Samples from `first` on, asked of a session and not yet visited. */
interface WaitingRange {
  readonly session: Session;
  readonly first: number;
  readonly answers: Promise<AnsweredRange>;
  isAnswered: boolean;
}

interface AnsweredRange {
  readonly runs: readonly NamedTensors[];
  /** Of all inputs and outputs. */
  readonly sizeBytes: number;
  /** Of all runs. */
  readonly computeMs: number;
}

/** Samples `first` up to but without `end`. */
async function readRange(
  session: Session,
  source: SampleSource,
  first: number,
  end: number,
): Promise<NamedTensors[]> {
  const feeds: NamedTensors[] = [];
  for (let sample = first; sample < end; sample += 1)
    feeds.push(feedsOf(session, await source.readRequest(sample)));
  return feeds;
}

async function runAll(session: Session, feeds: readonly NamedTensors[]): Promise<AnsweredRange> {
  const inputBytes = sizeOf(feeds);
  const results = await session.runEach(feeds, {canTakeFeeds: true});
  const runs = results.map(({outputs}) => outputs);
  const computeMs = results.reduce((sum, result) => sum + result.computeMs, 0);
  return {runs, sizeBytes: inputBytes + sizeOf(runs), computeMs};
}

function sizeOf(runs: readonly NamedTensors[]): number {
  return runs.flatMap(tensors => Object.values(tensors)).reduce((sum, {bytes}) => sum + bytes.byteLength, 0);
}

/** Only the layers that the wanted tensors depend on, with these as the outputs. */
function modelOf({model, tensors}: RunOnSamples): OnnxModel {
  const declared = new Map(model.graph.outputs.map(info => [info.name, info]));
  const outputs = tensors.map(name => declared.get(name) ?? createUntypedValueInfo(name));
  return pruneOpsetImports(dropUnused({...model, graph: {...model.graph, outputs}}));
}

/** A part of a model may need fewer inputs than the whole. */
function feedsOf(session: Session, feeds: NamedTensors): NamedTensors {
  const wanted = new Set(session.inputs.map(({name}) => name));
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name)));
}

/** Its bytes; `null` when it is to go through a file. */
function smallModel(model: OnnxModel): Uint8Array | null {
  if (model.graph.initializers.some(tensor => tensor.external !== undefined)) return null;
  const written = writeModel(model, {kind: 'keep'});
  return written.sizeBytes <= IN_MEMORY_BYTES ? bytesOfFile(written) : null;
}

async function writeModelFiles(model: OnnxModel, path: string): Promise<void> {
  let fileCount = 0;
  const written = writeModel(model, {
    kind: 'external',
    thresholdBytes: EXTERNAL_BYTES,
    nameLocation: () => `weights-${(fileCount += 1)}.bin`,
  });
  for (const file of written.externalFiles) await writeFile(join(dirname(path), file.path), file.chunks);
  await writeFile(path, written.chunks);
}
