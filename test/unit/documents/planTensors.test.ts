import {describe, expect, it} from 'vitest';
import {yamlFromDocument} from '../../../src/documents/printDocument.ts';
import {planFromYaml} from '../../../src/documents/readDocument.ts';
import {SAMPLES} from './sampleDocuments.ts';

const text = yamlFromDocument('plan', SAMPLES.plan);

describe('the edges of a plan', () => {
  it.each([
    [
      'a layer that there is not',
      'producer: 0, consumers: []',
      'producer: 7, consumers: []',
      'tensors[1].producer is 7, expected the position of a layer, at most 0',
    ],
    [
      'a reader that there is not',
      'consumers: [0]',
      'consumers: [3]',
      'is 3, expected the position of a layer after its producer, 0 to 0',
    ],
    [
      'a reader that comes before the maker',
      'producer: 0, consumers: []',
      'producer: 0, consumers: [0]',
      'is 0, expected no reader, for no layer comes after the producer',
    ],
  ])('%s is told with its place', (_, right, wrong, sentence) => {
    expect(text).toContain(right);
    expect(() => planFromYaml(text.replace(right, wrong), 'plan.yaml')).toThrow(sentence);
  });
});
