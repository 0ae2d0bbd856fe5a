import {describe, expect, it} from 'vitest';
import type {Accuracy} from '../../../src/documents/accuracyBudget.ts';
import {chooseBudget} from '../../../src/workflows/builds/chooseBudget.ts';

const refusal = (message: string): unknown =>
  expect.objectContaining({code: 'accuracy-budget-invalid', exitCode: 2, message});

describe('the accuracy budget of a compile run', () => {
  it.each<[string, Accuracy | undefined, string | undefined, ReturnType<typeof chooseBudget>]>([
    ['is none when nobody says', undefined, undefined, null],
    ['is none when only the metric is said', {metric: 'top-1'}, undefined, null],
    [
      "is the project's",
      {maxDrop: '1%'},
      undefined,
      {limit: {kind: 'relative-drop', limit: 0.01}, text: '1%'},
    ],
    [
      "is the project's however small it is",
      {metric: 'mean-absolute-error', maxDrop: 1e-7},
      undefined,
      {limit: {kind: 'absolute-drop', limit: 1e-7}, text: '1e-7'},
    ],
    [
      'is a minimum for decibels',
      {metric: 'sqnr', minimum: 30},
      undefined,
      {limit: {kind: 'at-least', limit: 30}, text: 'at least 30 dB'},
    ],
    [
      "is the flag's when both say",
      {metric: 'cosine', maxDrop: 0.5},
      '0.01',
      {limit: {kind: 'absolute-drop', limit: 0.01}, text: '0.01'},
    ],
    [
      "is in a command's own unit",
      {metric: {command: ['score']}},
      '2',
      {limit: {kind: 'absolute-drop', limit: 2}, text: '2'},
    ],
  ])('%s', (_, accuracy, flag, budget) => expect(chooseBudget(accuracy, flag)).toEqual(budget));

  it.each<[string, Accuracy | undefined, string]>([
    ['little', undefined, '--max-drop little is neither a number, a percentage nor points.'],
    [
      '1',
      undefined,
      '--max-drop 1 does not suit top-1 or cosine: expected less than all of it, as 1%, "1 point" or 0.01, because no build could fail it.',
    ],
    [
      '1%',
      {metric: 'sqnr', minimum: 30},
      '--max-drop 1% does not suit sqnr: expected "minimum" in its place, because sqnr has no value of the original to drop from.',
    ],
    [
      '1%',
      {metric: 'mean-absolute-error'},
      "--max-drop 1% does not suit mean-absolute-error: expected a plain number, in the outputs' own unit, because the original differs from itself by 0, which has no hundredths.",
    ],
    [
      '1 point',
      {metric: {command: ['score']}},
      '--max-drop 1 point does not suit a metric command: expected a number or a percentage, because points are hundredths of top-1, top-5 or cosine.',
    ],
  ])('--max-drop %s with %j is refused', (flag, accuracy, message) => {
    expect(() => chooseBudget(accuracy, flag)).toThrow(refusal(message));
  });
});
