import {describe, expect, it} from 'vitest';
import {costAt, findLowerEnvelope, type CostLine} from '../../../../src/placement/envelope/lowerEnvelope.ts';
import {findPlacementEnvelope} from '../../../../src/placement/envelope/placementEnvelope.ts';
import {choosePlacement} from '../../../../src/placement/choosePlacement.ts';
import type {PlacementProblem} from '../../../../src/placement/problem.ts';

const lowest = (lines: readonly CostLine[]) => (x: number) =>
  lines.reduce((best, line) => (costAt(line, x) < costAt(best, x) ? line : best));

describe('a lower envelope', () => {
  const steep = {atZero: 0, slope: 3};
  const middle = {atZero: 4, slope: 1};
  const flat = {atZero: 10, slope: 0};

  it('has a breakpoint where the best line changes, and asks no more than twice a piece and once', () => {
    expect(findLowerEnvelope(0, 100, lowest([flat, steep, middle]))).toEqual({
      pieces: [
        {from: 0, to: 2, line: steep},
        {from: 2, to: 6, line: middle},
        {from: 6, to: 100, line: flat},
      ],
      solves: 5,
    });
  });

  it('leaves out a line that is the best at one point only', () => {
    const touching = {atZero: 10 / 3, slope: 5 / 3};
    const {pieces} = findLowerEnvelope(
      0,
      100,
      lowest([touching, {atZero: 0, slope: 10 / 3}, {atZero: 20 / 3, slope: 0}]),
    );
    expect(pieces.map(({line}) => line.slope)).toEqual([10 / 3, 0]);
  });

  it('keeps the known one of equal lines', () => {
    const known = {...flat, name: 'known'};
    const {pieces} = findLowerEnvelope(0, 100, () => ({...flat, name: 'found'}), [known]);
    expect(pieces).toEqual([{from: 0, to: 100, line: known}]);
  });
});

it('a model whose transfers over a slow link are more nanoseconds than a cut can add up still has its envelope', () => {
  const bytes = 4e9;
  const problem: PlacementProblem = {
    layers: Array.from({length: 4}, (_, index) => ({name: `layer${index}`, deviceNs: 5e13, cloudNs: 1e9})),
    tensors: Array.from({length: 4}, (_, index) => ({
      name: `tensor${index}`,
      bytes,
      producer: index === 0 ? null : index - 1,
      consumers: [index],
      isOutput: false,
      canCross: true,
    })),
    link: {fixedNs: 1e6, upNsPerByte: 80, downNsPerByte: 80, perTensorNs: 0},
  };
  const slowest = {...problem.link!, upNsPerByte: 8e5, downNsPerByte: 8e5};
  expect(() => choosePlacement({...problem, link: slowest})).toThrow('sum past 2^52');

  const {tiers} = choosePlacement(problem);
  const {pieces} = findPlacementEnvelope(problem, problem.link!, tiers, {
    quantity: 'link-time',
    from: 0.01,
    to: 1e4,
  });
  expect(pieces.map(({line}) => line.tiers.filter(tier => tier === 'cloud').length)).toEqual([4, 0]);
  // Device: 4 · 5e13; cloud: 4 · 1e9 + 1e6 + 80 · bytes · x.
  expect(pieces[0]!.to).toBeCloseTo((4 * (5e13 - 1e9) - 1e6) / (80 * bytes), 9);
});
