import {describe, expect, it} from 'vitest';
import {fitLink} from '../../../src/runtime/measure/fitLink.ts';

const sizes = [16, 1024, 8192, 32768, 131072, 524288, 1048576];
const exchanges = [...sizes.map(up => [up, 16] as const), ...sizes.map(down => [16, down] as const)];

function samplesOf(
  fixedMs: number,
  upBytesPerSecond: number,
  downBytesPerSecond: number,
  noise = (_: number) => 1,
) {
  return exchanges.map(([upBytes, downBytes], index) => ({
    upBytes,
    downBytes,
    ms:
      (fixedMs + (1000 * upBytes) / upBytesPerSecond + (1000 * downBytes) / downBytesPerSecond) *
      noise(index),
  }));
}

describe('the fit of a link', () => {
  it.each([
    ['a slow mobile link', 80, 60_000, 400_000],
    ['a home link', 15, 1_250_000, 6_000_000],
    ['a fast local network', 0.4, 110_000_000, 110_000_000],
  ])('finds %s again', (_, fixedMs, up, down) => {
    const fit = fitLink(samplesOf(fixedMs, up, down));
    expect(fit.fixedMs / fixedMs).toBeCloseTo(1, 6);
    expect(fit.upBytesPerSecond / up).toBeCloseTo(1, 6);
    expect(fit.downBytesPerSecond / down).toBeCloseTo(1, 6);
    expect(fit.residualMs).toBeLessThan(1e-6);
  });

  it('stays within the noise', () => {
    const fit = fitLink(samplesOf(15, 1_250_000, 6_000_000, index => (index % 2 === 0 ? 1.03 : 0.97)));
    expect(Math.abs(fit.fixedMs / 15 - 1)).toBeLessThan(0.04);
    expect(Math.abs(fit.upBytesPerSecond / 1_250_000 - 1)).toBeLessThan(0.06);
    expect(Math.abs(fit.downBytesPerSecond / 6_000_000 - 1)).toBeLessThan(0.06);
    expect(fit.residualMs).toBeGreaterThan(0.1);
  });

  it('never makes bandwidth negative or endless, even when larger is faster', () => {
    const fit = fitLink(
      exchanges.map(([upBytes, downBytes]) => ({upBytes, downBytes, ms: 2 - (upBytes + downBytes) * 1e-7})),
    );
    expect(fit.upBytesPerSecond).toBe(1e10);
    expect(fit.downBytesPerSecond).toBe(1e10);
    expect(fit.fixedMs).toBeGreaterThan(1.8);
  });

  it('never makes the fixed part negative', () => {
    const fit = fitLink(
      exchanges.map(([upBytes, downBytes]) => ({
        upBytes,
        downBytes,
        ms: Math.max(0.01, (upBytes + downBytes) / 1000 - 3),
      })),
    );
    expect(fit.fixedMs).toBeGreaterThanOrEqual(0);
  });

  it('refuses too few samples', () => {
    expect(() => fitLink(samplesOf(1, 1e6, 1e6).slice(0, 2))).toThrow('at least 3');
  });
});
