import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {SlowdownLedger} from '../../../src/lab/slowdownLedger.ts';

const SLICE = 400_000;

function createLedger(slowdown: number, cores = 1): SlowdownLedger {
  const ledger = new SlowdownLedger({slowdown, cores});
  ledger.setSlice(SLICE);
  return ledger;
}

/** Work of `workNs` on `threads` threads under the governor's rule: stopped `phaseNs` after it began, then each slice. */
function timeBurst(ledger: SlowdownLedger, workNs: number, phaseNs: number, threads = 1): number {
  let elapsedNs = 0;
  let doneNs = 0;
  for (let sliceNs = phaseNs; doneNs < workNs; sliceNs = SLICE) {
    const ranNs = Math.min(sliceNs, workNs - doneNs);
    doneNs += ranNs;
    elapsedNs += ranNs;
    ledger.addUse(
      Array.from({length: threads}, () => ({ranNs, waitedNs: 0})),
      ranNs,
    );
    if (doneNs >= workNs) break;
    const pauseNs = ledger.pauseWhileBusyNs();
    ledger.addPause(pauseNs);
    elapsedNs += pauseNs;
  }
  ledger.endWork();
  const owedNs = ledger.pauseWhenIdleNs();
  ledger.addPause(owedNs);
  return elapsedNs;
}

describe('bursts take the slowdown times as long on average, wherever the first stop falls', () => {
  for (const slowdown of [2, 4, 20, 100]) {
    for (const workMs of [1, 1.3, 5, 50]) {
      it(`slowdown ${slowdown}, ${workMs} ms of work`, () => {
        const ledger = createLedger(slowdown);
        const bursts = 400;
        let totalNs = 0;
        for (let burst = 0; burst < bursts; burst += 1) {
          // The golden ratio spreads the phases evenly without a pattern.
          const phaseNs = ((burst * 0.618034) % 1) * SLICE;
          totalNs += timeBurst(ledger, workMs * 1e6, phaseNs);
        }
        expect(totalNs / bursts / (workMs * 1e6) / slowdown).toBeGreaterThan(0.97);
        expect(totalNs / bursts / (workMs * 1e6) / slowdown).toBeLessThan(1.03);
      });
    }
  }
});

describe('SlowdownLedger', () => {
  it('charges less for work on a core that has become slower, so that it ends when it would have', () => {
    const ledger = createLedger(10);
    // What takes 5 ms at the device's pace takes 8 ms now.
    ledger.addUse([{ranNs: 8e6, waitedNs: 0}], 8e6, 5 / 8);
    ledger.addPause(ledger.pauseWhenIdleNs());
    expect(ledger.workNs).toBe(5e6);
    ledger.addUse([{ranNs: 8e6, waitedNs: 0}], 8e6, 5 / 8);
    expect(ledger.pauseWhenIdleNs()).toBe(10 * 5e6 - 8e6);
  });

  it('owes nothing for what did not run', () => {
    const ledger = createLedger(20);
    ledger.addUse([], 1e9);
    expect(ledger.pauseWhenIdleNs()).toBe(0);
  });

  it('makes one thread of a device with four cores as slow as one core is', () => {
    const ledger = createLedger(10, 4);
    expect(timeBurst(ledger, 50e6, SLICE)).toBeGreaterThan(0.97 * 500e6);
  });

  it('makes four threads share the one core there is', () => {
    const [one, four] = [createLedger(10, 1), createLedger(10, 1)];
    const ratio = timeBurst(four, 50e6, SLICE, 4) / timeBurst(one, 50e6, SLICE, 1);
    expect(ratio).toBeGreaterThan(3.8);
    expect(ratio).toBeLessThan(4.2);
  });

  it('counts the time that work waited for a core of a busy machine as time it took', () => {
    const ledger = createLedger(4);
    ledger.addUse([{ranNs: 1e6, waitedNs: 9e6}], 10e6);
    expect(ledger.pauseWhileBusyNs()).toBe(0);
    ledger.endWork();
    // That it took too long is no credit for the next work.
    ledger.addUse([{ranNs: 10e6, waitedNs: 0}], 10e6);
    expect(ledger.pauseWhileBusyNs()).toBeGreaterThanOrEqual(30e6 - SLICE * 3);
  });

  it('pays for much work that was over before it could be stopped, and carries little work over', () => {
    const ledger = createLedger(20);
    ledger.addUse([{ranNs: 50_000, waitedNs: 0}], 1e6);
    expect(ledger.pauseWhenIdleNs()).toBe(0);
    ledger.addUse([{ranNs: 2e6, waitedNs: 0}], 2e6);
    expect(ledger.pauseWhenIdleNs()).toBeCloseTo(19 * 2.05e6, -3);
  });

  it('never asks for a pause without work, nor for one that is longer than all work so far deserves', () => {
    const use = fc.record({ranNs: fc.integer({min: 0, max: 5e6}), waitedNs: fc.integer({min: 0, max: 5e6})});
    fc.assert(
      fc.property(fc.integer({min: 2, max: 100}), fc.array(use, {maxLength: 60}), (slowdown, uses) => {
        const ledger = createLedger(slowdown);
        let workNs = 0;
        for (const each of uses) {
          ledger.addUse([each], each.ranNs + each.waitedNs);
          workNs += each.ranNs;
          expect(ledger.pauseWhileBusyNs()).toBeGreaterThanOrEqual(0);
          expect(ledger.pauseWhileBusyNs()).toBeLessThanOrEqual((workNs + SLICE) * slowdown);
          ledger.addPause(ledger.pauseWhileBusyNs());
        }
      }),
    );
  });
});
