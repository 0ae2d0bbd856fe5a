import {startMoments} from '../correction/moments.ts';
import type {FitSums} from './fitSamples.ts';
import {samplesFromMoments} from './fitSamplesOfMoments.ts';
import {startRows} from './fitSamplesOfRows.ts';

/**
 * Keeps as much as fitting needs: second moments, or the rows themselves where they are fewer than the inputs, as behind a
 * Flatten, where a sample gives one row for thousands of inputs. Both give the same weights.
 */
export function startFitSamples(inputs: number, outputs: number, rows: number): FitSums {
  if (rows < inputs) return startRows(inputs, outputs);
  const sums = startMoments(inputs, outputs);
  return {
    add: (inputRows, outputRows, count) => sums.add(inputRows, outputRows, count),
    samples: () => samplesFromMoments(sums.moments()),
  };
}
