import {describe, expect, it} from 'vitest';
import {rankByGrowth} from '../../../../src/quantize/accuracy/rankByGrowth.ts';
import {graphOf, node} from '../precision/precisionModels.ts';

const graph = graphOf(
  [
    node('Exp', ['x'], ['a']),
    node('Relu', ['a'], ['b']),
    node('Sqrt', ['b'], ['c']),
    node('Add', ['c', 'a'], ['y']),
  ],
  [],
  {x: [1, 4]},
  {y: [1, 4]},
);

describe('layers ranked by the noise they add', () => {
  it('the one whose result is worse than its worst input comes first, one that takes noise away last', () => {
    const errors = [
      {tensor: 'a', sqnrDb: 60},
      {tensor: 'b', sqnrDb: 60},
      {tensor: 'c', sqnrDb: 30},
      {tensor: 'y', sqnrDb: 35},
    ];
    expect(rankByGrowth(graph, errors)).toEqual(['sqrt-c', 'exp-a', 'relu-b', 'add-y']);
  });

  it('a layer that makes NaN of numbers comes before all others', () => {
    const errors = [
      {tensor: 'a', sqnrDb: 20},
      {tensor: 'b', sqnrDb: -Infinity},
      {tensor: 'c', sqnrDb: -Infinity},
      {tensor: 'y', sqnrDb: -Infinity},
    ];
    expect(rankByGrowth(graph, errors)).toEqual(['relu-b', 'exp-a', 'sqrt-c', 'add-y']);
  });
});
