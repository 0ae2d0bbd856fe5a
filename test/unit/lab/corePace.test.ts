import {describe, expect, it} from 'vitest';
import {CorePaceMeter, paceFactor} from '../../../src/lab/corePace.ts';

describe('paceFactor', () => {
  it('is one at the best pace, and when none is known', () => {
    expect(paceFactor(4000, 4000)).toBe(1);
    expect(paceFactor(Infinity, 0)).toBe(1);
  });

  it('falls as the core becomes slower, but less than the walk, and never without end', () => {
    const factor = paceFactor(4000, 6000);
    expect(factor).toBeLessThan(1);
    expect(factor).toBeGreaterThan(4000 / 6000);
    expect(paceFactor(1, 1e9)).toBe(0.25);
  });
});

describe('CorePaceMeter', () => {
  it('knows a pace once it has walked a few times, in the order of a step a nanosecond or more', () => {
    const meter = new CorePaceMeter();
    expect(meter.measure()).toBe(0);
    let paceNs = 0;
    for (let walk = 0; walk < 200; walk += 1) paceNs = meter.measure();
    expect(paceNs).toBeGreaterThan(500);
    expect(paceNs).toBeLessThan(1e6);
  });
});
