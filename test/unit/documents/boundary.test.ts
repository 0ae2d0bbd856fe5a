import {describe, expect, it} from 'vitest';
import {encodingOfRow} from '../../../src/documents/boundary.ts';
import {yamlFromDocument} from '../../../src/documents/printDocument.ts';
import {planFromYaml} from '../../../src/documents/readDocument.ts';
import {SAMPLES} from './sampleDocuments.ts';

const row = {
  tensor: 'hidden',
  direction: 'up',
  elementType: 'float32',
  bytes: 8,
} as const;
const planWith = (fields: object): string =>
  yamlFromDocument('plan', {
    ...SAMPLES.plan,
    cut: [{...row, shape: [1, 8], ...fields}],
  });

describe('how a tensor travels, in a plan', () => {
  it.each([
    [{}, null],
    [{precision: 'fp16'}, {precision: 'fp16'}],
    [
      {precision: 'int8', scale: 0.25, zeroPoint: 3},
      {precision: 'int8', scale: 0.25, zeroPoint: 3},
    ],
    [
      {
        precision: 'pixels',
        pixels: {numerator: 1, denominator: 255, mean: [0.5], std: [0.25], channelAxis: 1},
      },
      {
        precision: 'pixels',
        pixels: {numerator: 1, denominator: 255, mean: [0.5], std: [0.25], channelAxis: 1},
      },
    ],
  ])('%j is read back', (fields, encoding) => {
    const [read] = planFromYaml(planWith(fields), 'plan.yaml').cut;
    expect(encodingOfRow(read!)).toEqual(encoding);
  });

  it('a scale is kept to the last bit of a float32', () => {
    const scale = Math.fround(0.0123456789);
    const [read] = planFromYaml(planWith({precision: 'int8', scale, zeroPoint: 0}), 'plan.yaml').cut;
    expect(Math.fround(read!.scale!)).toBe(scale);
  });

  it.each([
    [{precision: 'int8', zeroPoint: 3}, 'cut[0].scale'],
    [{precision: 'int8', scale: 0.5}, 'cut[0].zeroPoint'],
    [{precision: 'pixels'}, 'cut[0].pixels'],
    [{precision: 'fp16', scale: 0.5}, 'expected none, for the tensor travels fp16'],
    [{scale: 0.5}, 'expected none, for the tensor travels as it is'],
    [{precision: 'int8', scale: 0.5, zeroPoint: 256}, 'cut[0].zeroPoint'],
    [{precision: 'int8', scale: 0, zeroPoint: 0}, 'cut[0].scale'],
    [{precision: 'fp16', direction: 'down'}, 'expected none, for outputs come back as they are'],
  ])('%j is refused with its place', (fields, sentence) => {
    const added = Object.entries(fields).filter(([name]) => name !== 'direction');
    const text = planWith({}).replace(
      'bytes: 8}',
      `bytes: 8${added.map(([name, value]) => `, ${name}: ${value}`).join('')}}`,
    );
    const down = 'direction' in fields ? text.replace('direction: up', 'direction: down') : text;
    expect(() => planFromYaml(down, 'plan.yaml')).toThrow(sentence);
  });
});
