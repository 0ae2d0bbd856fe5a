import {describe, expect, it} from 'vitest';
import {seededNumbers} from '../../../../src/documents/seededNumbers.ts';
import {TakingLedger} from '../../../../src/lab/ownCores/takingLedger.ts';

const WINDOW_MS = 0.33;
const SWITCHING_MS = 0.03;
const NEXT_BURST_WINDOWS = 8;

/** Work that comes `phaseMs` after the core was given to the device: how long it takes until it is done. */
function timeBurst(ledger: TakingLedger, workMs: number, phaseMs: number): number {
  let leftMs = workMs;
  let elapsedMs = 0;
  let idleMs = phaseMs;
  for (;;) {
    const couldMs = WINDOW_MS - SWITCHING_MS - idleMs;
    const ranMs = Math.min(leftMs, couldMs);
    leftMs -= ranMs;
    const isDone = leftMs < 1e-9;
    elapsedMs += isDone ? ranMs : ranMs + SWITCHING_MS;
    const takenMs = ledger.takeAfter({
      passedMs: WINDOW_MS,
      idleMs: WINDOW_MS - SWITCHING_MS - ranMs,
      switchingMs: SWITCHING_MS,
    });
    if (isDone) break;
    elapsedMs += takenMs;
    idleMs = 0;
  }
  for (let window = 0; window < NEXT_BURST_WINDOWS; window += 1)
    expect(
      ledger.takeAfter({
        passedMs: WINDOW_MS,
        idleMs: WINDOW_MS - SWITCHING_MS,
        switchingMs: SWITCHING_MS,
      }),
    ).toBe(0);
  return elapsedMs;
}

describe('work takes the slowdown times as long on average, wherever in a window it comes', () => {
  for (const slowdown of [2, 4, 10])
    for (const workMs of [1, 2.7, 9, 40])
      it(`slowdown ${slowdown}, ${workMs} ms of work`, () => {
        const ledger = new TakingLedger({slowdown, windowMs: WINDOW_MS});
        const next = seededNumbers(1);
        const count = 400;
        let sumMs = 0;
        for (let burst = 0; burst < count; burst += 1)
          sumMs += timeBurst(ledger, workMs, next() * (WINDOW_MS - SWITCHING_MS));
        expect(sumMs / count / workMs / slowdown).toBeGreaterThan(0.92);
        expect(sumMs / count / workMs / slowdown).toBeLessThan(1.08);
      });
});

it('takes nothing from a device that does nothing, whatever the clocks say', () => {
  const ledger = new TakingLedger({slowdown: 10, windowMs: WINDOW_MS});
  for (const errorMs of [0.019, 0.001, -0.02, 0.01])
    expect(
      ledger.takeAfter({
        passedMs: WINDOW_MS,
        idleMs: WINDOW_MS - SWITCHING_MS - errorMs,
        switchingMs: SWITCHING_MS,
      }),
    ).toBe(0);
});

it('takes nothing where the device is not slower', () => {
  const ledger = new TakingLedger({slowdown: 1, windowMs: WINDOW_MS});
  for (let window = 0; window < 10; window += 1)
    expect(ledger.takeAfter({passedMs: WINDOW_MS, idleMs: 0, switchingMs: 0})).toBe(0);
});
