import type {DataSource} from '../../documents/dataSource.ts';
import type {Preprocessing} from '../../documents/preprocessing.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import {openDataSet, type DataSet} from '../openDataSet.ts';
import {splitSamples} from '../splitSamples.ts';

export interface CompileSamplesOptions {
  /** Ranges are measured on these. */
  readonly calibration: DataSource;
  /** Builds are judged on these; a part of the calibration data that is used for nothing else when left out. */
  readonly evaluation?: DataSource;
  readonly preprocessing?: Preprocessing;
  readonly resolve: (path: string) => string;
  readonly classCount: number | null;
  readonly seed: number;
  /** Samples to calibrate on at most. */
  readonly calibrationSamples: number;
}

export interface CompileSamples {
  /** The calibration samples first, then those held out from them: to choose between steps, not to learn from. */
  readonly learning: DataSet;
  readonly calibrationRequests: number;
  readonly heldOutRequests: number;
  readonly evaluation: DataSet;
  readonly isRandom: boolean;
  readonly warnings: readonly string[];
  /** Of everything above: the same samples in the same parts give the same digest. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

/** Samples held out per calibration sample: enough to tell steps apart by decibels. */
const HELD_OUT_SHARE = 0.5;
const MAX_HELD_OUT = 64;
/** What calibration may take of data that must also do for evaluation. */
const SHARED_CALIBRATION_SHARE = 0.4;

/**
 * Opens calibration and evaluation data and keeps the three parts disjoint: what is learned from, what chooses between
 * steps, and what judges.
 * @throws ExpectedError as openDataSet
 */
export async function openCompileSamples(
  options: CompileSamplesOptions,
  inputs: readonly TensorSpec[],
): Promise<CompileSamples> {
  const {calibration, evaluation, preprocessing, resolve, classCount, seed} = options;
  const dataSetOptions = {resolve, classCount, preprocessing};
  const isShared = evaluation === undefined || JSON.stringify(evaluation) === JSON.stringify(calibration);
  const all = await openDataSet(calibration, inputs, dataSetOptions);
  const judged = isShared
    ? null
    : await openDataSet(evaluation, inputs, dataSetOptions).catch(closeFirst(all));

  const rows = all.rowsPerRequest;
  const wholeRequests = (samples: number): number => Math.max(rows, Math.floor(samples / rows) * rows);
  const available = isShared ? all.sampleCount * SHARED_CALIBRATION_SHARE : all.sampleCount;
  const calibrationCount = wholeRequests(
    Math.min(options.calibrationSamples, isShared ? available : available / (1 + HELD_OUT_SHARE)),
  );
  const heldOutCount = wholeRequests(Math.min(MAX_HELD_OUT, Math.ceil(calibrationCount * HELD_OUT_SHARE)));
  const learningCount = Math.min(calibrationCount + heldOutCount, all.sampleCount);
  const {calibration: chosen, heldOut: unused} = splitSamples(all.sampleCount, {
    calibration: learningCount,
    heldOut: all.sampleCount - learningCount,
    seed,
    labels: all.labels,
  });
  const parts = splitSamples(chosen.length, {
    calibration: calibrationCount,
    heldOut: chosen.length - calibrationCount,
    seed,
    labels: all.labels === null ? null : chosen.map(sample => all.labels?.[sample] ?? 0),
    isInStretches: true,
  });
  const calibrated = parts.calibration.map(index => chosen[index] ?? 0);
  const heldOut = parts.heldOut.map(index => chosen[index] ?? 0);
  const warnings = [...all.notes, ...(judged?.notes ?? [])];
  if (all.isRandom)
    warnings.push('Calibrated on random values: ranges and accuracy say nothing about real data.');
  else if (judged?.isRandom === true)
    warnings.push('Judged on random values: the accuracy says nothing about real data.');

  const enough = (samples: readonly number[]): boolean => samples.length >= rows;
  if (!enough(heldOut))
    warnings.push('Too few samples to hold any out: steps are chosen on the calibration samples.');
  const heldOutUsed = enough(heldOut) ? heldOut : calibrated;
  if (judged === null && !enough(unused))
    warnings.push('Too few samples to judge on others than those that were calibrated with.');
  const learning = all.subset([...trim(calibrated, rows), ...trim(heldOutUsed, rows)]);
  const evaluationSet = judged ?? all.subset(enough(unused) ? unused : heldOutUsed);
  const calibrationRequests = Math.floor(calibrated.length / rows);
  return {
    learning,
    calibrationRequests,
    heldOutRequests: learning.requestCount - calibrationRequests,
    evaluation: evaluationSet,
    isRandom: all.isRandom,
    warnings,
    digest: async () =>
      [await learning.digest(), String(calibrationRequests), await evaluationSet.digest()].join(' '),
    async close() {
      await all.close();
      await judged?.close();
    },
  };
}

/** Whole requests only, so that the next part starts with a request of its own. */
function trim(samples: readonly number[], rows: number): readonly number[] {
  return samples.slice(0, Math.floor(samples.length / rows) * rows);
}

function closeFirst(opened: DataSet): (error: unknown) => Promise<never> {
  return async error => {
    await opened.close();
    throw error;
  };
}
