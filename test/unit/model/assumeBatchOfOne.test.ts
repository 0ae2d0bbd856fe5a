import {expect, it} from 'vitest';
import {assumeBatchOfOne} from '../../../src/model/assumeBatchOfOne.ts';
import {createGraph, createModel, createValueInfo} from '../../../src/model/onnx/createMessages.ts';

type Dims = readonly (number | string | null)[];

it.each<[string, Record<string, Dims | undefined>, Record<string, number[]>, Record<string, number[]>]>([
  ['an open first axis is one request', {x: ['batch', 3, 8]}, {}, {x: [1, 3, 8]}],
  ['also without a name', {x: [null, 3]}, {}, {x: [1, 3]}],
  ['also where it is the only axis', {x: ['batch']}, {}, {x: [1]}],
  ['fixed shapes need nothing', {x: [4, 3], scalar: []}, {}, {}],
  ['further open axes are not guessed', {x: ['batch', 'length']}, {}, {}],
  ['a later open axis alone is not guessed', {x: [1, 'length']}, {}, {}],
  ['an unknown rank is not guessed', {x: undefined}, {}, {}],
  ['what is given stays', {x: ['batch', 3]}, {x: [5, 3]}, {}],
  ['what a given shape fixes by its symbol stays', {x: ['batch', 3], z: ['batch', 2]}, {x: [5, 3]}, {}],
  [
    'a given symbol closes another axis',
    {x: ['n', 'length'], z: ['batch', 'length']},
    {x: [2, 7]},
    {z: [1, 7]},
  ],
])('%s', (_, inputs, given, assumed) => {
  const infos = Object.entries(inputs).map(([name, dims]) => createValueInfo(name, 'float32', dims));
  expect(assumeBatchOfOne(createModel(createGraph({inputs: infos})), given)).toEqual(assumed);
});
