import {EXIT, ExpectedError} from '../errors.ts';
import type {Tensor} from '../documents/tensor.ts';

/**
 * How many rows of `scores` ([samples, classes], float32) have their largest value at the label's place. Of equal scores
 * the first counts, as numpy.argmax does.
 * @throws ExpectedError `labels-do-not-fit` (exit 2)
 */
export function countTopOne(scores: Tensor, labels: Tensor): number {
  const [samples = 0, ...classAxes] = scores.shape;
  const classes = classAxes.reduce((product, size) => product * size, 1);
  if (scores.elementType !== 'float32' || labels.shape.length !== 1 || (labels.shape[0] ?? 0) < samples) {
    throw new ExpectedError(
      'labels-do-not-fit',
      `Labels of shape [${labels.shape.join(', ')}] do not fit ${samples} samples of ${scores.elementType} scores.`,
      EXIT.usage,
    );
  }
  const values = new Float32Array(new Uint8Array(scores.bytes).buffer);
  const wanted = integersFrom(labels);
  let right = 0;
  for (let sample = 0; sample < samples; sample++) {
    let best = 0;
    for (let index = 1; index < classes; index++) {
      if ((values[sample * classes + index] ?? 0) > (values[sample * classes + best] ?? 0)) best = index;
    }
    if (wanted[sample] === best) right++;
  }
  return right;
}

function integersFrom(labels: Tensor): number[] {
  const {buffer} = new Uint8Array(labels.bytes);
  switch (labels.elementType) {
    case 'uint8':
      return [...new Uint8Array(buffer)];
    case 'int32':
      return [...new Int32Array(buffer)];
    case 'int64':
      return [...new BigInt64Array(buffer)].map(Number);
    default:
      throw new ExpectedError(
        'labels-do-not-fit',
        `Labels are ${labels.elementType}; uint8, int32 or int64 are understood.`,
        EXIT.usage,
      );
  }
}
