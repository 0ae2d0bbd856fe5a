import {describe, expect, it} from 'vitest';
import {differenceOfProfiles} from '../../../src/fleet/differenceOfProfiles.ts';
import {speedOf} from './fleetDevices.ts';

const LIKENESS = {layerShare: 0.2, linkFactor: 2, linkFixedMs: 5};
const between = (...[left, right]: [ReturnType<typeof speedOf>, ReturnType<typeof speedOf>]): number => {
  const there = differenceOfProfiles(left, right, LIKENESS);
  expect(differenceOfProfiles(right, left, LIKENESS)).toBe(there);
  return there;
};

describe('how far two devices lie apart', () => {
  it('is nothing between equal ones', () => {
    expect(between(speedOf([10, 20], {up: 1e6}), speedOf([10, 20], {up: 1e6}))).toBe(0);
    expect(between(speedOf([0, 0]), speedOf([0, 0]))).toBe(0);
  });

  it.each([
    ['a fifth of the time in layers', [10, 20], [10, 27.5], 1],
    ['layers that take turns in being slow, whatever the sum', [10, 20], [20, 10], (20 / 30) * 5],
  ])('counts %s', (_, left, right, expected) => {
    expect(between(speedOf(left), speedOf(right))).toBeCloseTo(expected, 9);
  });

  it('counts a link twice as fast as just alike', () => {
    expect(between(speedOf([10], {up: 1e6, down: 1e6}), speedOf([10], {up: 1e6, down: 2e6}))).toBeCloseTo(1);
    expect(between(speedOf([10], {up: 1e6}), speedOf([10], {up: 4e6}))).toBeCloseTo(2);
  });

  it('lets fixed times differ by some milliseconds whatever their ratio', () => {
    expect(between(speedOf([10], {up: 1e6, fixedMs: 1}), speedOf([10], {up: 1e6, fixedMs: 5}))).toBeLessThan(
      1,
    );
    expect(between(speedOf([10], {up: 1e6, fixedMs: 1}), speedOf([10], {up: 1e6, fixedMs: 8}))).toBe(3);
    // Past the milliseconds the ratio decides, and never calls alike what is far apart by them.
    expect(between(speedOf([10], {up: 1e6, fixedMs: 20}), speedOf([10], {up: 1e6, fixedMs: 30}))).toBe(1);
  });

  it('is infinite where layers or links are not the same ones', () => {
    expect(between(speedOf([10]), speedOf([10, 0]))).toBe(Infinity);
    expect(between(speedOf([10]), speedOf([10], {up: 1e6}))).toBe(Infinity);
  });
});
