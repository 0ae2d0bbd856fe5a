import {describe, expect, it} from 'vitest';
import {
  bestEncoding,
  isWorthEncoding,
  sampleRatio,
  wireRates,
} from '../../../../src/workflows/deploy/wireEncoding.ts';

const MEBI = 2 ** 20;

describe('wireRates', () => {
  it('takes no link for fast because its buffers filled', () => {
    expect(wireRates(18 * MEBI, 10).leastBytesPerSecond).toBe(0);
    expect(wireRates(18 * MEBI, 10).mostBytesPerSecond).toBe(Infinity);
  });

  it('holds the true rate between its two', () => {
    const {leastBytesPerSecond, mostBytesPerSecond} = wireRates(118 * MEBI, 2000);
    expect(leastBytesPerSecond).toBe(50 * MEBI);
    expect(mostBytesPerSecond).toBe(59 * MEBI);
  });
});

describe('isWorthEncoding', () => {
  const rates = (leastBytesPerSecond: number) => ({leastBytesPerSecond, mostBytesPerSecond: Infinity});
  it.each([
    {what: 'a program on a gigabit link', encoding: 'zstd', ratio: 0.36, rate: 60e6, isWorth: true},
    {what: 'a program on a faster one', encoding: 'zstd', ratio: 0.36, rate: 70e6, isWorth: false},
    {what: 'int8 weights on a slow link', encoding: 'zstd', ratio: 0.9, rate: 9e6, isWorth: true},
    {what: 'int8 weights on a fast link', encoding: 'zstd', ratio: 0.9, rate: 11e6, isWorth: false},
    {what: 'the same with the slower encoder', encoding: 'gzip', ratio: 0.9, rate: 9e6, isWorth: false},
    {what: 'random bytes on any link', encoding: 'zstd', ratio: 0.99, rate: 0, isWorth: false},
    {what: 'anything where nothing decodes it', encoding: 'plain', ratio: 0.1, rate: 0, isWorth: false},
  ] as const)('$what: $isWorth', ({encoding, ratio, rate, isWorth}) => {
    expect(isWorthEncoding(encoding, ratio, rates(rate))).toBe(isWorth);
  });
});

it('the best encoding is the one that the device can decode and bound, and none on this machine', () => {
  const far = {address: 'pi@10.0.0.7:22'};
  expect(bestEncoding(far, new Set(['head', 'gzip', 'zstd']))).toBe('zstd');
  expect(bestEncoding(far, new Set(['head', 'gzip']))).toBe('gzip');
  expect(bestEncoding(far, new Set(['gzip', 'zstd']))).toBe('plain');
  expect(bestEncoding({address: 'local'}, new Set(['head', 'zstd']))).toBe('plain');
});

it('samples say how much is left', () => {
  expect(sampleRatio([])).toBe(1);
  expect(sampleRatio([new Uint8Array(10_000)])).toBeLessThan(0.01);
});
