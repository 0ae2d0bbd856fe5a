import {EXIT, ExpectedError} from '../errors.ts';
import type {Tensor} from '../documents/tensor.ts';

/**
 * How many rows of `scores` ([samples, classes], float32) have their largest value at the label's place. Of equal scores
 * the first counts, as numpy.argmax does.
 * @throws ExpectedError `labels-mismatch` (exit 2)
 */
export function countTopOne(scores: Tensor, labels: readonly number[]): number {
  const [samples = 0, ...classAxes] = scores.shape;
  const classes = classAxes.reduce((product, size) => product * size, 1);
  if (scores.elementType !== 'float32' || labels.length !== samples) {
    throw new ExpectedError(
      'labels-mismatch',
      `${labels.length} labels do not fit ${samples} rows of ${scores.elementType} scores.`,
      EXIT.usage,
    );
  }
  const values = new Float32Array(new Uint8Array(scores.bytes).buffer);
  let right = 0;
  for (let sample = 0; sample < samples; sample++) {
    let best = 0;
    for (let index = 1; index < classes; index++) {
      if ((values[sample * classes + index] ?? 0) > (values[sample * classes + best] ?? 0)) best = index;
    }
    if (labels[sample] === best) right++;
  }
  return right;
}
