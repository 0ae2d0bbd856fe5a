import {describe, expect, test} from 'vitest';
import {chooseBuild, type MeasuredBuild} from '../../../src/targets/chooseBuild.ts';

const build = (
  name: string,
  ratioToFp32: number | null,
  isWithinBudget = true,
  leastSqnrDb = 40,
): MeasuredBuild => ({
  name,
  isFp32: name === 'fp32',
  isWithinBudget,
  ratioToFp32,
  leastSqnrDb,
});

describe('choosing among builds', () => {
  test('the fastest within the budget is taken', () => {
    const chosen = chooseBuild([build('u8s8', 0.5), build('s8s8', 0.4), build('fp32', 1)]);
    expect(chosen.name).toBe('s8s8');
    expect(chosen.verdicts.get('u8s8')).toBe('left: slower than s8s8 (0.50 × the time of fp32)');
  });

  test('of those as fast as the fastest the most exact is taken', () => {
    const chosen = chooseBuild([
      build('u8s8', 0.5, true, 35),
      build('u8u8', 0.51, true, 41),
      build('dynamic', 0.53, true, 50),
      build('fp32', 1, true, Infinity),
    ]);
    expect(chosen.name).toBe('u8u8');
    expect([...chosen.verdicts.values()]).toEqual([
      'left: less exact than u8u8 (0.50 × the time of fp32)',
      'taken: as fast as the fastest, and more exact (0.51 × the time of fp32)',
      'left: slower than u8u8 (0.53 × the time of fp32)',
      'left: slower',
    ]);
  });

  test('a build nearly as slow as fp32 is not taken for as fast where it is slower', () => {
    const chosen = chooseBuild([build('u8s8', 0.99), build('s8s8', 1.01, true, 50), build('fp32', 1)]);
    expect(chosen.name).toBe('u8s8');
    expect(chosen.verdicts.get('s8s8')).toBe('left: slower than fp32 (1.01 × the time of fp32)');
  });

  test('a build outside the budget is never taken, however fast', () => {
    const chosen = chooseBuild([build('int4', 0.1, false), build('int8', 0.9), build('fp32', 1)]);
    expect(chosen.name).toBe('int8');
    expect(chosen.verdicts.get('int4')).toBe('left: outside the accuracy budget');
  });

  test('nothing slower than fp32 is handed out', () => {
    const chosen = chooseBuild([build('int8', 1.2), build('fp32', 1)]);
    expect(chosen.name).toBe('fp32');
    expect([...chosen.verdicts.values()]).toEqual([
      'left: slower than fp32 (1.20 × the time of fp32)',
      'taken: nothing else is faster',
    ]);
  });

  test('fp32 is taken when nothing else meets the budget', () => {
    const chosen = chooseBuild([build('int8', 0.5, false), build('fp32', 1)]);
    expect(chosen.verdicts.get(chosen.name)).toBe('taken: nothing else meets the budget');
  });

  test("without times the recipe's order decides", () => {
    const chosen = chooseBuild([build('int8', null, false), build('fp16', null), build('fp32', null)]);
    expect(chosen.name).toBe('fp16');
    expect(chosen.verdicts.get('fp16')).toBe('taken: first of the recipe, not timed');
  });
});
