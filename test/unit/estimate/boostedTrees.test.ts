import {describe, expect, it} from 'vitest';
import {fitBoostedTrees} from '../../../src/estimate/boostedTrees.ts';

const SETTINGS = {trees: 200, learningRate: 0.1, depth: 3, leafWeight: 1};
const range = (count: number): number[] => Array.from({length: count}, (_, index) => index);

describe('boosted trees', () => {
  it('learn steps and where two features act together', () => {
    const target = ([x = 0, y = 0]: readonly number[]): number => (x > 4 ? 3 : -1) * (y > 6 ? 2 : 1);
    const rows = range(100).map(index => [index % 10, Math.floor(index / 10)]);
    const predict = fitBoostedTrees(
      rows,
      rows.map(target),
      rows.map(() => 1),
      SETTINGS,
    );
    for (const row of rows) expect(predict(row)).toBeCloseTo(target(row), 4);
  });

  it('give the weighted mean where nothing tells rows apart', () => {
    const predict = fitBoostedTrees([[1], [1]], [0, 10], [3, 1], SETTINGS);
    expect(predict([1])).toBeCloseTo(2.5, 6);
  });

  it('split nothing off that weighs too little', () => {
    const rows = range(10).map(index => [index]);
    const targets = range(10).map(index => (index === 9 ? 100 : 0));
    const predict = fitBoostedTrees(
      rows,
      targets,
      rows.map(() => 1),
      {...SETTINGS, leafWeight: 5},
    );
    expect(predict([9])).toBeCloseTo(predict([5]), 9);
    expect(predict([9])).toBeCloseTo(20, 3);
  });

  it('answer beyond what they saw as at its edge', () => {
    const rows = range(20).map(index => [index]);
    const predict = fitBoostedTrees(
      rows,
      rows.map(([x = 0]) => x),
      rows.map(() => 1),
      SETTINGS,
    );
    expect(predict([1000])).toBe(predict([19]));
    expect(predict([19])).toBeGreaterThan(predict([0]));
  });
});
