import {describe, expect, it} from 'vitest';
import {shareOverhead} from '../../../src/runtime/measure/profileDevice.ts';

const repeated = (medianMs: number) => ({medianMs, spreadMs: 0.1, runs: 40, obtained: 'measured'}) as const;
const layers = [
  {name: 'conv', operator: 'Conv', ms: 15},
  {name: 'dense', operator: 'Gemm', ms: 45},
];
const share = (sessionOverheadMs: number, sessionMs: number | null) =>
  shareOverhead({
    layers,
    wholeRun: repeated(60),
    overhead: {requestOverhead: repeated(0.1), sessionOverhead: repeated(Math.max(0, sessionOverheadMs))},
    requestsMs: 60.1 + sessionOverheadMs,
    sessionMs,
  });

describe('what a request costs on top of the run by itself', () => {
  it('is the layers’ where a session alone costs less', () => {
    const shared = share(24, 12);
    expect(shared.sessionOverhead.medianMs).toBe(12);
    expect(shared.layers.map(({ms}) => ms)).toEqual([18, 54]);
  });

  it('stays whole where a session alone costs as much, or nothing is known of it', () => {
    for (const sessionMs of [30, null]) {
      expect(share(24, sessionMs)).toMatchObject({sessionOverhead: {medianMs: 24}, layers});
    }
  });

  it('is less than nothing where requests were faster: then the layers are', () => {
    for (const sessionMs of [3, null]) {
      const shared = share(-6, sessionMs);
      expect(shared.sessionOverhead.medianMs).toBe(0);
      for (const [index, {ms}] of shared.layers.entries())
        expect(ms).toBeCloseTo([13.5, 40.5][index] ?? 0, 9);
    }
  });
});
