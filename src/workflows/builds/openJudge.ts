import type {AccuracyMetric} from '../../documents/accuracyBudget.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {openSession} from '../../engine/session.ts';
import type {Optimization} from '../../engine/workerMessages.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {largestDifference} from '../../quantize/accuracy/largestDifference.ts';
import {METRIC_FACTS, startMetric} from '../../quantize/accuracy/metric.ts';
import {startSignalToNoise} from '../../quantize/accuracy/signalToNoise.ts';
import type {Decision} from '../../quantize/precision/loweredModel.ts';
import {askMetricCommand} from './askMetricCommand.ts';
import type {SampleSource} from '../sampleRuns/readAhead.ts';

/** Samples to judge builds by. */
export interface JudgedSamples extends SampleSource {
  /** Of one request; 1 unless the model takes a fixed batch. */
  readonly rowsPerRequest: number;
  /** One class per row, over all requests; `null` without labels. */
  readonly labels: readonly number[] | null;
}

export interface JudgeOptions {
  /** The model in float, which builds are held against. */
  readonly originalPath: string;
  readonly samples: JudgedSamples;
  /** top-1 where there are labels, else cosine, when left out. */
  readonly metric?: AccuracyMetric;
  readonly threads: number;
  /** What the runtime may do with the models; `all` when left out. */
  readonly optimization?: Optimization;
  readonly onSample?: () => void;
}

/** A build as the machine it is for computes it. */
export type OpenBuild = (path: string) => Promise<JudgedBuild>;

export interface JudgedBuild {
  run(feeds: NamedTensors): Promise<NamedTensors>;
  close(): Promise<void>;
  /** What is to be said about how it was run. */
  readonly decisions: readonly Decision[];
}

export interface Judgement {
  /** NaN when the outputs are. */
  readonly value: number;
  readonly fidelity: {
    readonly maxAbsoluteDifference: number;
    /** Rows that were compared. */
    readonly samples: number;
    /** Infinity where the outputs are equal. */
    readonly outputs: readonly {readonly name: string; readonly sqnrDb: number}[];
  };
  readonly decisions: readonly Decision[];
}

/** Holds builds against the original on the evaluation samples, by one metric. */
export interface Judge {
  /** As documents name it: the metric, or the command. */
  readonly metricName: string;
  readonly isHigherBetter: boolean;
  readonly originalValue: number;
  /** @param open how the build is run; by the runtime of this machine when left out */
  judge(buildPath: string, open?: OpenBuild): Promise<Judgement>;
  close(): Promise<void>;
}

/** The original's answers are kept up to this size, and computed again beyond it. */
const KEPT_BYTES = 64 * 2 ** 20;

/**
 * @throws ExpectedError `labels-mismatch`, `labels-missing` (the metric needs some), `metric-command-failed`,
 * `model-run-failed` …
 */
export async function openJudge(options: JudgeOptions): Promise<Judge> {
  const {samples, originalPath, threads, onSample = () => {}} = options;
  const metric = options.metric ?? (samples.labels === null ? 'cosine' : 'top-1');
  const sessionOptions = {optimization: options.optimization ?? 'all', threads};
  const original = await openSession({path: originalPath}, sessionOptions);
  const kept: NamedTensors[] = [];
  let keptBytes = 0;
  const outputNames = original.outputs
    .filter(({elementType}) => elementType !== 'string')
    .map(({name}) => name);

  async function openHere(path: string): Promise<JudgedBuild> {
    const session = await openSession({path}, sessionOptions);
    return {
      run: async feeds => (await session.run(feeds)).outputs,
      close: () => session.close(),
      decisions: [],
    };
  }

  async function answerOfOriginal(index: number, feeds: NamedTensors): Promise<NamedTensors> {
    const known = kept[index];
    if (known !== undefined) return known;
    const {outputs} = await original.run(feeds);
    const bytes = Object.values(outputs).reduce((sum, {bytes: {byteLength}}) => sum + byteLength, 0);
    if (kept.length === index && keptBytes + bytes <= KEPT_BYTES) {
      kept.push(outputs);
      keptBytes += bytes;
    }
    return outputs;
  }

  async function judgeBuild(build: JudgedBuild | null): Promise<Judgement> {
    const sum = typeof metric === 'string' ? startMetric(metric, outputNames) : null;
    const noise = startSignalToNoise(outputNames);
    let maxAbsoluteDifference = 0;
    for (let index = 0; index < samples.requestCount; index += 1) {
      const feeds = await samples.readRequest(index);
      const reference = await answerOfOriginal(index, feeds);
      const outputs = build === null ? reference : await build.run(feeds);
      noise.add(reference, outputs);
      for (const [name, tensor] of Object.entries(reference)) {
        maxAbsoluteDifference = Math.max(maxAbsoluteDifference, largestDifference(tensor, outputs[name]));
      }
      const rows = samples.rowsPerRequest;
      const labels = samples.labels?.slice(index * rows, (index + 1) * rows);
      sum?.add(outputs, {reference, ...(labels === undefined ? {} : {labels})});
      onSample();
    }
    return {
      value: sum?.value() ?? NaN,
      fidelity: {
        maxAbsoluteDifference,
        samples: samples.requestCount * samples.rowsPerRequest,
        outputs: [...noise.decibels()].map(([name, sqnrDb]) => ({name, sqnrDb})),
      },
      decisions: build?.decisions ?? [],
    };
  }

  try {
    requireLabels(metric, samples);
    const originalValue =
      typeof metric === 'string'
        ? (await judgeBuild(null)).value
        : await askMetricCommand(metric.command, originalPath);
    return {
      metricName: typeof metric === 'string' ? metric : metric.command.join(' '),
      isHigherBetter:
        typeof metric === 'string' ? METRIC_FACTS[metric].isHigherBetter : metric.better !== 'lower',
      originalValue,
      async judge(buildPath, open = openHere) {
        const build = await open(buildPath);
        try {
          const judgement = await judgeBuild(build);
          if (typeof metric === 'string') return judgement;
          return {...judgement, value: await askMetricCommand(metric.command, buildPath)};
        } finally {
          await build.close();
        }
      },
      close: () => original.close(),
    };
  } catch (error) {
    await original.close();
    throw error;
  }
}

function requireLabels(metric: AccuracyMetric, {labels}: JudgedSamples): void {
  if (typeof metric !== 'string' || METRIC_FACTS[metric].needs !== 'labels' || labels !== null) return;
  throw new ExpectedError(
    'labels-missing',
    `The metric ${metric} needs labels, and the evaluation data have none.`,
    EXIT.usage,
    {hints: ['Add evaluation.labels to edgewise.yaml.', 'Choose accuracy.metric: cosine.']},
  );
}
