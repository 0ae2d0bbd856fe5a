import type {AccuracyMetric} from '../../documents/accuracyBudget.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {floatsOf} from './floatsOf.ts';
import {startSignalToNoise} from './signalToNoise.ts';

/** What can be measured from outputs alone; a user's own command is a metric too, but not one of these. */
export type MetricName = Extract<AccuracyMetric, string>;

/** Which way is better, and whether it needs labels or the float model's answers. */
export const METRIC_FACTS: Readonly<
  Record<MetricName, {readonly isHigherBetter: boolean; readonly needs: 'labels' | 'reference'}>
> = {
  'top-1': {isHigherBetter: true, needs: 'labels'},
  'top-5': {isHigherBetter: true, needs: 'labels'},
  'mean-absolute-error': {isHigherBetter: false, needs: 'reference'},
  cosine: {isHigherBetter: true, needs: 'reference'},
  sqnr: {isHigherBetter: true, needs: 'reference'},
};

/** Adds up one metric over requests; constant memory. */
export interface MetricSum {
  /** `labels`: one class index per row of the first output. `reference`: what the float model answered. */
  add(outputs: NamedTensors, known: {labels?: readonly number[]; reference?: NamedTensors}): void;
  /** Shares for top-1 and top-5 (0 to 1), decibels for sqnr, else the plain mean. NaN before the first sample. */
  value(): number;
  sampleCount(): number;
}

/**
 * Classification metrics look at the first output only, of shape [rows, classes…]; the others at every output.
 * @throws from `add`: ExpectedError `labels-mismatch` when a label is no class of the model
 */
export function startMetric(name: MetricName, outputNames: readonly string[]): MetricSum {
  switch (name) {
    case 'top-1':
      return startTopK(1, outputNames);
    case 'top-5':
      return startTopK(5, outputNames);
    case 'mean-absolute-error':
      return startMeanAbsoluteError(outputNames);
    case 'cosine':
      return startCosine(outputNames);
    case 'sqnr':
      return startWorstSignalToNoise(outputNames);
  }
}

function startTopK(k: number, [output = '']: readonly string[]): MetricSum {
  let right = 0;
  let count = 0;
  return {
    add(outputs, {labels = []}) {
      const tensor = outputs[output];
      if (tensor === undefined) throw new RangeError(`no output ${output} to count right answers in`);
      const values = floatsOf(tensor);
      const rows = labels.length;
      const classes = values.length / rows;
      labels.forEach((label, row) => {
        if (!Number.isInteger(classes) || label < 0 || label >= classes) {
          throw new ExpectedError(
            'labels-mismatch',
            `Sample ${count} is labelled ${label}, but output "${output}" of shape [${tensor.shape.join(', ')}] has ${Math.floor(classes)} classes for each of ${rows} samples.`,
            EXIT.usage,
          );
        }
        if (rankOf(values.subarray(row * classes, (row + 1) * classes), label) < k) right += 1;
        count += 1;
      });
    },
    value: () => right / count,
    sampleCount: () => count,
  };
}

/** How many classes come before `label`; of equal scores the first counts, as numpy.argmax does. NaN never wins. */
function rankOf(scores: Float32Array | Float64Array, label: number): number {
  const own = scores[label] ?? NaN;
  if (Number.isNaN(own)) return scores.length;
  let before = 0;
  for (let index = 0; index < scores.length; index += 1) {
    const other = scores[index] ?? NaN;
    if (other > own || (other === own && index < label)) before += 1;
  }
  return before;
}

function startMeanAbsoluteError(names: readonly string[]): MetricSum {
  let sum = 0;
  let values = 0;
  let count = 0;
  return {
    add(outputs, {reference = {}}) {
      eachPair(names, outputs, reference, (value, expected) => {
        sum += Math.abs(value - expected);
        values += 1;
      });
      count += 1;
    },
    value: () => sum / values,
    sampleCount: () => count,
  };
}

/** Mean over requests and outputs of the cosine between the two answers; two zero answers agree. */
function startCosine(names: readonly string[]): MetricSum {
  let sum = 0;
  let terms = 0;
  let count = 0;
  return {
    add(outputs, {reference = {}}) {
      for (const name of names) {
        let [dot, own, other] = [0, 0, 0];
        eachPair([name], outputs, reference, (value, expected) => {
          dot += value * expected;
          own += value * value;
          other += expected * expected;
        });
        sum += own === 0 && other === 0 ? 1 : own === 0 || other === 0 ? 0 : dot / Math.sqrt(own * other);
        terms += 1;
      }
      count += 1;
    },
    value: () => sum / terms,
    sampleCount: () => count,
  };
}

/** Of the worst output, energies summed over all samples. */
function startWorstSignalToNoise(names: readonly string[]): MetricSum {
  const sums = startSignalToNoise(names);
  let count = 0;
  return {
    add(outputs, {reference = {}}) {
      sums.add(reference, outputs);
      count += 1;
    },
    value: () => (count === 0 ? NaN : Math.min(...sums.decibels().values())),
    sampleCount: () => count,
  };
}

function eachPair(
  names: readonly string[],
  outputs: NamedTensors,
  reference: NamedTensors,
  visit: (value: number, expected: number) => void,
): void {
  for (const name of names) {
    const [one, other] = [outputs[name], reference[name]];
    if (one === undefined || other === undefined || one.elementType === 'string') continue;
    const [values, expected] = [floatsOf(one), floatsOf(other)];
    for (let index = 0; index < expected.length; index += 1)
      visit(values[index] ?? NaN, expected[index] ?? NaN);
  }
}
