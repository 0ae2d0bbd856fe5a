import type {NamedTensors} from '../../documents/tensor.ts';
import type {Session} from '../../engine/session.ts';
import type {RunOnSamples} from '../../quantize/sampleRunner.ts';
import {sizeOfSample, startReading, type SampleReader, type SampleSource} from './readAhead.ts';

/** Computing that is left has to take longer than this, or loading the model once more is not worth it. */
const WORTH_A_SESSION_MS = 20;
/** The same before anything has been computed, in multiply-adds: 20 to 40 ms. */
const WORTH_A_SESSION = 1.5e9;

/** Times what the runs that follow take: 2 for resnet20, 3.5 for a perceptron of 8 layers (AMD EPYC, November 2026). */
const FIRST_RUN = 2.5;

/** Samples of small models go to the engine's thread together, up to so many bytes of inputs and outputs. */
const MESSAGE_BYTES = 2 ** 18;

/** Computing of a group takes as long as this, or it is not worth a message. */
const WORTH_A_MESSAGE_MS = 0.5;

/** Parts for each session that what is left is divided into. */
const SHARES = 4;

/** Groups for each session that may wait to be visited, answered or not: an earlier one may be slow. */
const MOST_WAITING = 4;

/** Of each session two are asked for, so that its thread has the next one at hand, unless one is larger than this. */
const AHEAD_BYTES = 2 ** 24;

export interface SessionOpener {
  readonly open: () => Promise<Session>;
  /** How many sessions may be open. */
  readonly limit: number;
}

/** Samples from `first` on, asked of a session and not yet visited. */
interface Group {
  readonly session: Session;
  readonly first: number;
  readonly answers: Promise<AnsweredGroup>;
  isAnswered: boolean;
}

interface AnsweredGroup {
  readonly runs: readonly NamedTensors[];
  readonly sampleCount: number;
  /** Of all inputs and outputs. */
  readonly sizeBytes: number;
  /** Of all runs. */
  readonly computeMs: number;
}

/**
 * Runs a model on samples: on as many sessions side by side as the work is worth, in groups of as many samples as a message
 * is worth, each session given more as soon as it answers. Visited in order.
 * @param onSample after every sample
 */
export async function spreadRuns(
  source: SampleSource,
  request: Pick<RunOnSamples, 'from' | 'to' | 'multiplyAdds' | 'samplesPerRun' | 'visit'>,
  {open, limit}: SessionOpener,
  onSample?: () => void,
): Promise<void> {
  const {from = 0, to = source.requestCount, multiplyAdds = 0, samplesPerRun = 1, visit} = request;
  const opening = [open()];
  const reader = startReading(source, from, to);
  const waiting: Group[] = [];
  let asked = from;
  let most = samplesPerRun;
  let least = samplesPerRun;
  let aheadOf = 1;

  const openAll = (): void => {
    while (opening.length < limit) {
      const another = open();
      opening.push(another);
      // The first one does it all where there is no room for another.
      another.then(begin, () => {});
    }
  };
  const wholeRuns = (samples: number): number =>
    Math.max(1, Math.floor(samples / samplesPerRun)) * samplesPerRun;
  const learnFrom = (first: number, {sampleCount, sizeBytes, computeMs}: AnsweredGroup): void => {
    most = wholeRuns((MESSAGE_BYTES * sampleCount) / Math.max(1, sizeBytes));
    aheadOf = sizeBytes / sampleCount > AHEAD_BYTES ? 1 : 2;
    const sampleMs = computeMs / sampleCount / (first > from ? 1 : FIRST_RUN);
    least = wholeRuns(WORTH_A_MESSAGE_MS / sampleMs);
    if ((to - asked) * sampleMs > WORTH_A_SESSION_MS) openAll();
  };
  const askNext = (session: Session): void => {
    const first = asked;
    // Smaller ones towards the end, so that all sessions end at the same time.
    const share = opening.length > 1 ? Math.ceil((to - first) / (SHARES * opening.length)) : to - first;
    asked = Math.min(to, first + Math.min(most, Math.max(least, share)));
    const answers = runGroup(session, reader, asked - first, samplesPerRun);
    const group = {session, first, answers, isAnswered: false};
    waiting.push(group);
    const goOn = (answered: AnsweredGroup): void => {
      group.isAnswered = true;
      learnFrom(first, answered);
      begin(session);
    };
    // Without this a failure of a later run would count as unhandled while an earlier one is waited for.
    answers.then(goOn, () => {});
  };
  const begin = (session: Session): void => {
    const isUnderWay = (group: Group): boolean => group.session === session && !group.isAnswered;
    while (asked < to && waiting.length < MOST_WAITING * limit && waiting.filter(isUnderWay).length < aheadOf)
      askNext(session);
  };

  try {
    if ((to - from) * multiplyAdds > WORTH_A_SESSION) openAll();
    reader.readAhead(MESSAGE_BYTES);
    begin(await (opening[0] as Promise<Session>));
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      const {runs, sampleCount} = await group.answers;
      begin(group.session);
      for (const [at, values] of runs.entries()) {
        const done = at * samplesPerRun;
        const count = Math.min(samplesPerRun, sampleCount - done);
        visit(values, group.first + done, count);
        for (let sample = 0; sample < count; sample += 1) onSample?.();
      }
    }
  } finally {
    const opened = await Promise.allSettled(opening);
    await Promise.all(opened.flatMap(each => (each.status === 'fulfilled' ? [each.value.close()] : [])));
  }
}

async function runGroup(
  session: Session,
  reader: SampleReader,
  sampleCount: number,
  samplesPerRun: number,
): Promise<AnsweredGroup> {
  const samples = (await reader.take(sampleCount)).map(sample => feedsOf(session, sample));
  const feeds = samplesPerRun === 1 ? samples : joinedFeeds(samples, samplesPerRun);
  const inputBytes = sizeOfAll(feeds);
  const results = await session.runEach(feeds, {canTakeFeeds: true});
  const runs = results.map(({outputs}) => outputs);
  const computeMs = results.reduce((sum, result) => sum + result.computeMs, 0);
  return {runs, sampleCount, sizeBytes: inputBytes + sizeOfAll(runs), computeMs};
}

/** A part of a model may need fewer inputs than the whole. */
function feedsOf(session: Session, sample: NamedTensors): NamedTensors {
  const wanted = new Set(session.inputs.map(({name}) => name));
  return Object.fromEntries(Object.entries(sample).filter(([name]) => wanted.has(name)));
}

/** So many at a time joined along their first axis. */
function joinedFeeds(samples: readonly NamedTensors[], samplesPerRun: number): NamedTensors[] {
  const joined: NamedTensors[] = [];
  for (let at = 0; at < samples.length; at += samplesPerRun) {
    const together = samples.slice(at, at + samplesPerRun);
    const entries = Object.entries(together[0] ?? {}).map(([name, {elementType, shape}]) => {
      const [rows = 1, ...sizes] = shape;
      const parts = together.map(sample => sample[name]?.bytes ?? new Uint8Array());
      const bytes = new Uint8Array(Buffer.concat(parts));
      return [name, {elementType, shape: [rows * together.length, ...sizes], bytes}] as const;
    });
    joined.push(Object.fromEntries(entries));
  }
  return joined;
}

function sizeOfAll(runs: readonly NamedTensors[]): number {
  return runs.reduce((sum, tensors) => sum + sizeOfSample(tensors), 0);
}
