import {readFileSync} from 'node:fs';
import {expect, it} from 'vitest';
import {planFromYaml} from '../../../src/documents/readDocument.ts';

const text = readFileSync(new URL('../../golden/article-raw-input-stays.plan.yaml', import.meta.url), 'utf8');

it.each([
  [
    'a layer that there is not',
    '{first: scale, last: softmax}',
    '{first: scale, last: soft}',
    '.last of "device-only" is the string "soft", expected the name of a layer',
  ],
  [
    'a run of layers that ends before it begins',
    '{first: scale, last: softmax}',
    '{first: softmax, last: scale}',
    '.last of "device-only" is the string "scale", expected the first layer or one after it',
  ],
  [
    'a placement that there is not',
    'placement: 1,',
    'placement: 9,',
    'pieces[0].placement is 9, expected the position of a placement, at most 4',
  ],
  [
    'a gap between pieces',
    'from: 1250, to: 1894270',
    'from: 1250, to: 1800000',
    'pieces[1].from is 1894270, expected 1800000, where the piece before ends',
  ],
  [
    'a piece that ends before it begins',
    'from: 1250, to: 1894270',
    'from: 1250, to: 125',
    'pieces[0].to is 125, expected a number of at least 1250',
  ],
  [
    'a piece without an end before another',
    'from: 1250, to: 1894270',
    'from: 1250, to: null',
    'pieces[0].to is empty, expected a number of at least 1250',
  ],
])('%s in an envelope is told with its place', (_, right, wrong, sentence) => {
  expect(text).toContain(right);
  expect(() => planFromYaml(text.replace(right, wrong), 'plan.yaml')).toThrow(sentence);
});
