import {describe, expect, it} from 'vitest';
import {delayByLossMs, lossyBytesPerMs} from '../../../src/lab/packetLoss.ts';

/** Gives these numbers, then 1: nothing more is lost. */
function drawing(...numbers: number[]): () => number {
  return () => numbers.shift() ?? 1;
}

const LINK = {lossRate: 0.05, roundTripMs: 100};

describe('a lost packet', () => {
  it('costs a round trip where others come behind it', () => {
    const piece = {kind: 'bytes', bytes: 1448, isLast: false} as const;
    expect(delayByLossMs(piece, LINK, drawing(0.04))).toBe(100);
    expect(delayByLossMs(piece, LINK, drawing(0.06))).toBe(0);
  });

  it('costs the timeout where it was the last, twice that where it is lost again', () => {
    const piece = {kind: 'bytes', bytes: 10, isLast: true} as const;
    expect(delayByLossMs(piece, LINK, drawing(0.04))).toBe(300);
    expect(delayByLossMs(piece, LINK, drawing(0.04, 0.04))).toBe(600);
    expect(delayByLossMs(piece, LINK, drawing(0.04, 0.04, 0.04))).toBe(1200);
  });

  it('costs a second where a connection was to be opened', () => {
    expect(delayByLossMs({kind: 'open'}, LINK, drawing(0.04))).toBe(1000);
  });

  it('is as likely as there are packets in what was sent', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const count = 20_000;
    let lost = 0;
    for (let at = 0; at < count; at += 1)
      if (delayByLossMs({kind: 'bytes', bytes: 10 * 1448, isLast: false}, LINK, random) > 0) lost += 1;
    expect(lost / count).toBeCloseTo(1 - 0.95 ** 10, 1);
  });
});

describe('what a connection carries', () => {
  it('is what the formula of Mathis et al. says, and anything where nothing is lost', () => {
    // 1448 bytes, 100 ms, 1 %: 177 kB/s.
    expect(lossyBytesPerMs(0.01, 100)).toBeCloseTo(177.3, 0);
    expect(lossyBytesPerMs(0, 100)).toBe(Infinity);
  });
});
