import {createHash} from 'node:crypto';
import {describe, expect, it} from 'vitest';
import {drawPicture, drawPictures, PICTURE_BYTES, PICTURE_CLASSES} from '../../../src/lab/pictures.ts';

const EVALUATION_SEED = 7;

describe('pictures', () => {
  it('are the same bytes on every machine', () => {
    const {pixels, labels} = drawPictures(EVALUATION_SEED, 480);
    expect(createHash('sha256').update(pixels).update(labels).digest('hex')).toBe(
      '88ab36e092734f8f346d2a242b0e67887ab6acbd4754824dec98d45a71796373',
    );
  });

  it('do not depend on which others are drawn', () => {
    const many = drawPictures(3, 5);
    const one = drawPicture(3, 4);
    expect(many.pixels.subarray(4 * PICTURE_BYTES)).toEqual(one.pixels);
    expect(many.labels[4]).toBe(one.label);
  });

  it('differ between seeds and between indices', () => {
    const digests = [drawPicture(1, 0), drawPicture(1, 1), drawPicture(2, 0), drawPicture(0, 1)].map(
      picture => createHash('sha256').update(picture.pixels).digest('hex'),
    );
    expect(new Set(digests).size).toBe(4);
  });

  it('show every class about equally often', () => {
    const counts = PICTURE_CLASSES.map(() => 0);
    for (const label of drawPictures(EVALUATION_SEED, 480).labels) counts[label]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(30);
    expect(Math.max(...counts)).toBeLessThan(70);
  });

  it('cannot be told apart by comparing pixels with the mean picture of each class', () => {
    const training = drawPictures(1, 2000);
    const means = PICTURE_CLASSES.map(() => new Float64Array(PICTURE_BYTES));
    const counts = PICTURE_CLASSES.map(() => 0);
    training.labels.forEach((label, index) => {
      counts[label]! += 1;
      for (let at = 0; at < PICTURE_BYTES; at++)
        means[label]![at]! += training.pixels[index * PICTURE_BYTES + at]!;
    });
    means.forEach((mean, label) => mean.forEach((sum, at) => (mean[at] = sum / counts[label]!)));

    const evaluation = drawPictures(EVALUATION_SEED, 480);
    let right = 0;
    evaluation.labels.forEach((label, index) => {
      const picture = evaluation.pixels.subarray(index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES);
      const distances = means.map(mean =>
        mean.reduce((sum, value, at) => sum + (value - picture[at]!) ** 2, 0),
      );
      if (distances.indexOf(Math.min(...distances)) === label) right += 1;
    });
    expect(right / 480).toBeLessThan(0.7);
  });
});
