import {describe, expect, it} from 'vitest';
import type {Plan} from '../../../src/documents/plan.ts';
import {chartOfAlternatives} from '../../../src/terminal/chartOfAlternatives.ts';

function alternative(
  name: string,
  [deviceMs, linkMs, cloudMs, overheadMs]: readonly [number, number, number, number],
  verdict: 'chosen' | 'slower' | 'not-allowed' = 'slower',
): Plan['alternatives'][number] {
  const predicted = {
    latencyMs: deviceMs + linkMs + cloudMs + overheadMs,
    deviceMs,
    linkMs,
    cloudMs,
    overheadMs,
    upBytes: 0,
    downBytes: 0,
    deviceWeightBytes: 0,
    cloudWeightBytes: 0,
  };
  return {name, predicted, verdict, reason: ''};
}

const ALTERNATIVES = [
  alternative('cut after pool1', [10, 6, 3, 1], 'chosen'),
  alternative('device-only', [38, 0, 0, 2]),
  alternative('cloud-only', [0, 20, 9, 1], 'not-allowed'),
  {name: 'nowhere', predicted: null, verdict: 'not-allowed' as const, reason: ''},
];

describe('the chart of the alternatives', () => {
  it('has one bar for each prediction, all on one scale', () => {
    expect(chartOfAlternatives(ALTERNATIVES, 64).split('\n')).toEqual([
      'cut after pool1  20 ms  ██████████──────▒▒▒·',
      'device-only      40 ms  ██████████████████████████████████████··',
      '(cloud-only)     30 ms  ────────────────────▒▒▒▒▒▒▒▒▒·',
      '█ device  ─ link  ▒ cloud  · serving',
      '(…) is not allowed',
    ]);
  });

  it.each([40, 60, 100, 200])('is never wider than %d columns', width => {
    const long = [
      ...ALTERNATIVES,
      alternative('cut at a tensor with a very long name indeed', [1e5, 2, 3, 4]),
    ];
    for (const line of chartOfAlternatives(long, width).split('\n'))
      expect([...line].length).toBeLessThanOrEqual(width);
  });

  it('draws nothing for what takes no time', () =>
    expect(chartOfAlternatives([alternative('a', [0, 0, 0, 0])], 40)).toBe(
      'a  0 ms\n█ device  ─ link  ▒ cloud  · serving',
    ));
});
