import {describe, expect, test} from 'vitest';
import type {NamedTensors} from '../../../../src/documents/tensor.ts';
import {judgeAccuracy} from '../../../../src/quantize/accuracy/judgeAccuracy.ts';
import {floatFromHalf} from '../../../../src/model/halfPrecision.ts';
import {startMetric} from '../../../../src/quantize/accuracy/metric.ts';

function outputs(values: readonly number[], rows = 1): NamedTensors {
  return {
    y: {
      elementType: 'float32',
      shape: [rows, values.length / rows],
      bytes: new Uint8Array(new Float32Array(values).buffer),
    },
  };
}

describe('metrics', () => {
  test('top-1 counts the first of equal scores, as numpy.argmax does', () => {
    const metric = startMetric('top-1', ['y']);
    metric.add(outputs([0.5, 0.5, 0]), {labels: [0]});
    metric.add(outputs([0.5, 0.5, 0]), {labels: [1]});
    expect(metric.value()).toBe(0.5);
    expect(metric.sampleCount()).toBe(2);
  });

  test('top-5 takes several rows of one request', () => {
    const metric = startMetric('top-5', ['y']);
    metric.add(outputs([9, 8, 7, 6, 5, 4, 1, 2, 3, 4, 5, 6], 2), {labels: [5, 1]});
    expect(metric.value()).toBe(0.5);
  });

  test('an answer of NaN is never right', () => {
    const metric = startMetric('top-1', ['y']);
    metric.add(outputs([NaN, NaN]), {labels: [0]});
    expect(metric.value()).toBe(0);
  });

  test('a label that is no class of the model is an error that names sample and classes', () => {
    const metric = startMetric('top-1', ['y']);
    expect(() => metric.add(outputs([1, 2, 3]), {labels: [3]})).toThrow(
      'Sample 0 is labelled 3, but output "y" of shape [1, 3] has 3 classes for each of 1 samples.',
    );
  });

  test('sqnr is in decibels over all samples, and infinite without noise', () => {
    const metric = startMetric('sqnr', ['y']);
    metric.add(outputs([1, 0]), {reference: outputs([1, 0])});
    expect(metric.value()).toBe(Infinity);
    metric.add(outputs([2.9, 0.5]), {reference: outputs([3, 0.5])});
    expect(metric.value()).toBeCloseTo(10 * Math.log10((1 + 9 + 0.25) / 0.01), 3);
  });

  test('cosine of opposite answers is −1, of two zero answers 1', () => {
    const metric = startMetric('cosine', ['y']);
    metric.add(outputs([1, 2]), {reference: outputs([-1, -2])});
    expect(metric.value()).toBeCloseTo(-1, 6);
    metric.add(outputs([0, 0]), {reference: outputs([0, 0])});
    expect(metric.value()).toBeCloseTo(0, 6);
  });

  test('mean absolute error is over all values', () => {
    const metric = startMetric('mean-absolute-error', ['y']);
    metric.add(outputs([1, 2]), {reference: outputs([2, 2])});
    expect(metric.value()).toBe(0.5);
  });
});

describe('accuracy budgets', () => {
  test('a drop of exactly the limit is inside it', () => {
    const verdict = judgeAccuracy(
      {kind: 'absolute-drop', limit: 0.01},
      {original: 0.93, value: 0.92, isHigherBetter: true},
    );
    expect(verdict.isMet).toBe(true);
  });

  test('a relative drop is measured against the original', () => {
    const budget = {kind: 'relative-drop', limit: 0.01} as const;
    expect(judgeAccuracy(budget, {original: 0.5, value: 0.496, isHigherBetter: true}).isMet).toBe(true);
    expect(judgeAccuracy(budget, {original: 0.5, value: 0.494, isHigherBetter: true}).isMet).toBe(false);
  });

  test('where lower is better, a rise is the drop', () => {
    const verdict = judgeAccuracy(
      {kind: 'absolute-drop', limit: 0.1},
      {original: 1, value: 1.3, isHigherBetter: false},
    );
    expect(verdict).toEqual({isMet: false, drop: expect.closeTo(0.3) as number});
  });

  test('NaN never meets a budget', () => {
    for (const budget of [
      {kind: 'absolute-drop', limit: 1},
      {kind: 'at-least', limit: 1},
    ] as const)
      expect(judgeAccuracy(budget, {original: 1, value: NaN, isHigherBetter: true}).isMet).toBe(false);
  });
});

test('half precision: normal, subnormal, infinite', () => {
  expect([0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00].map(floatFromHalf)).toEqual([
    1,
    -2,
    2 ** -24,
    Infinity,
    -Infinity,
  ]);
});
