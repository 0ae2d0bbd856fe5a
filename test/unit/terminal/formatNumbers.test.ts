import {describe, expect, it} from 'vitest';
import {
  formatBytes,
  formatBytesPerSecond,
  formatColumn,
  formatCount,
  formatMs,
  formatShare,
  formatTimeLeft,
} from '../../../src/terminal/formatNumbers.ts';

describe('numbers as people read them', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [16_384, '16.4 kB'],
    [131_072, '131 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [2_168_362, '2.17 MB'],
    [12_300_000_000, '12.3 GB'],
    [5_000_000_000_000_000, '5000 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [640, '640'],
    [524_288, '524 k'],
    [6_127_616, '6.13 M'],
    [4_089_000_000, '4.09 G'],
  ])('a count of %d is %s', (count, text) => expect(formatCount(count)).toBe(text));

  it.each([
    [0, '0 ms'],
    [0.04126, '0.0413 ms'],
    [8.2, '8.2 ms'],
    [999.4, '999 ms'],
    [999.5, '1 s'],
    [3240, '3.24 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min 0 s'],
    [125_000, '2 min 5 s'],
    [3_599_600, '1 h 0 min'],
    [7_500_000, '2 h 5 min'],
  ])('%d ms are %s', (ms, text) => expect(formatMs(ms)).toBe(text));

  it.each([
    [10, '1 s left'],
    [12_300, '12 s left'],
    [200_000, '3 min 20 s left'],
  ])('%d ms to go are %s', (ms, text) => expect(formatTimeLeft(ms)).toBe(text));

  it('says a speed per second', () => expect(formatBytesPerSecond(4_130_000)).toBe('4.13 MB/s'));

  it.each([
    [0.45, '45 %'],
    [0.99996, '99.9 %'],
    [1, '100 %'],
  ])('a share of %d is %s', (share, text) => expect(formatShare(share)).toBe(text));

  it('gives the numbers of one column the same decimals', () => {
    expect(formatColumn([12.3456, 0.5, null])).toEqual(['12.35', '0.50', '-']);
    expect(formatColumn([0.01234, 0])).toEqual(['0.0123', '0.0000']);
    expect(formatColumn([250, 1.25])).toEqual(['250.0', '1.3']);
  });
});
