import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {PreparedCuts} from '../../../../../src/documents/release.ts';
import {
  bandwidthSeen,
  noteMove,
  noteProbe,
  noteRequest,
  startCutMoves,
  type CutMoves,
  type CutStep,
} from '../../../../../src/runtime/agent/cuts/cutMoves.ts';

const KB = 1000;
const [ALONE, SPLIT, CLOUD] = [0, 1, 2];
/** At 500 kB/s the split sends for 20 ms and the whole input for 200 ms. */
const CUTS: PreparedCuts = {
  bytesPerSecond: 500 * KB,
  first: SPLIT,
  table: [
    {
      name: 'device only',
      fromBytesPerSecond: 0,
      toBytesPerSecond: 100 * KB,
      transferMs: 0,
      fixedLinkMs: 0,
      cloudMs: 0,
    },
    {
      name: 'split',
      fromBytesPerSecond: 100 * KB,
      toBytesPerSecond: 2000 * KB,
      transferMs: 20,
      fixedLinkMs: 5,
      cloudMs: 3,
    },
    {
      name: 'cloud only',
      fromBytesPerSecond: 2000 * KB,
      toBytesPerSecond: null,
      transferMs: 200,
      fixedLinkMs: 5,
      cloudMs: 9,
    },
  ],
};

/** What a call through a cut takes at a bandwidth. */
function callAt(cut: number, bytesPerSecond: number, hasCloudTime = true) {
  const {transferMs, fixedLinkMs, cloudMs} = CUTS.table[cut]!;
  const linkMs =
    fixedLinkMs + (transferMs * CUTS.bytesPerSecond) / bytesPerSecond + (hasCloudTime ? 0 : cloudMs);
  return {linkMs, hasCloudTime, isGivenUp: false};
}

/** So many requests at one bandwidth, a second apart; what was to be done after each. */
function ask(from: CutMoves, bytesPerSecond: number, count: number, startMs = 10_000) {
  let moves = from;
  const steps: CutStep[] = [];
  for (let at = 0; at < count; at++) {
    const call = moves.serving === ALONE ? null : callAt(moves.serving, bytesPerSecond);
    const next = noteRequest(CUTS, moves, call, startMs + at * 1000);
    moves = next.moves;
    steps.push(next.step);
  }
  return {moves, steps};
}

describe('the cut moves with the bandwidth', () => {
  it('as measured: it stays', () => {
    const {moves, steps} = ask(startCutMoves(SPLIT, 0), 500 * KB, 20);
    expect(steps.every(({kind}) => kind === 'stay')).toBe(true);
    expect(bandwidthSeen(moves)).toBeCloseTo(500 * KB, -1);
  });

  it('far less: it moves after three calls, and after one slow call it does not', () => {
    const {steps} = ask(startCutMoves(SPLIT, 0), 50 * KB, 3);
    expect(steps).toEqual([{kind: 'stay'}, {kind: 'stay'}, {kind: 'move', to: ALONE}]);
    const once = noteRequest(
      CUTS,
      ask(startCutMoves(SPLIT, 0), 500 * KB, 5).moves,
      callAt(SPLIT, 10 * KB),
      0,
    );
    expect(once.step.kind).toBe('stay');
  });

  it('a little less than where the other cut is as good: it stays, so that it does not go to and fro', () => {
    const {steps} = ask(startCutMoves(SPLIT, 0), 95 * KB, 20);
    expect(steps.every(({kind}) => kind === 'stay')).toBe(true);
  });

  it('calls that were given up count for more: there are few of them', () => {
    const givenUp = {linkMs: 2000, hasCloudTime: false, isGivenUp: true};
    const first = noteRequest(CUTS, startCutMoves(SPLIT, 0), givenUp, 1000);
    expect(first.step.kind).toBe('stay');
    expect(noteRequest(CUTS, first.moves, givenUp, 2000).step).toEqual({kind: 'move', to: ALONE});
  });

  it('far more: the cut with more bytes is probed before it serves', () => {
    const {moves, steps} = ask(startCutMoves(SPLIT, 0), 10_000 * KB, 4);
    expect(steps[0]).toEqual({kind: 'probe', cut: CLOUD});
    // One at a time.
    expect(steps.slice(1).every(({kind}) => kind === 'stay')).toBe(true);
    const fast = noteProbe(CUTS, moves, {cut: CLOUD, call: callAt(CLOUD, 10_000 * KB)}, 15_000);
    expect(fast.step).toEqual({kind: 'move', to: CLOUD});
    // The small call was only lucky: nothing moves, and the next probe comes later.
    const slow = noteProbe(CUTS, moves, {cut: CLOUD, call: callAt(CLOUD, 1000 * KB)}, 15_000);
    expect(slow.step.kind).toBe('stay');
    expect(slow.moves.probeEveryMs).toBe(2 * moves.probeEveryMs);
    expect(ask(slow.moves, 10_000 * KB, 1, 15_100).steps[0]?.kind).toBe('stay');
    expect(ask(slow.moves, 10_000 * KB, 1, 20_000).steps[0]?.kind).toBe('probe');
  });

  it('alone, where no request tells of the link, the next cut is probed ever more rarely', () => {
    let moves = startCutMoves(ALONE, 0);
    const probedAt: number[] = [];
    for (let nowMs = 0; nowMs < 600_000; nowMs += 500) {
      const next = noteRequest(CUTS, moves, null, nowMs);
      moves = next.moves;
      if (next.step.kind !== 'probe') continue;
      expect(next.step.cut).toBe(SPLIT);
      probedAt.push(nowMs);
      moves = noteProbe(
        CUTS,
        moves,
        {cut: SPLIT, call: probedAt.length % 2 ? null : callAt(SPLIT, 50 * KB)},
        nowMs,
      ).moves;
    }
    expect(probedAt.slice(0, 4)).toEqual([2000, 6000, 14_000, 30_000]);
    expect(probedAt.length).toBeLessThan(15);
  });

  it('alone, and the link is better than ever: it moves past the next cut at once', () => {
    const {moves} = noteRequest(CUTS, startCutMoves(ALONE, 0), null, 5000);
    const next = noteProbe(CUTS, moves, {cut: SPLIT, call: callAt(SPLIT, 9000 * KB)}, 5100);
    expect(next.step).toEqual({kind: 'move', to: CLOUD});
  });

  it('a cloud that does not say how long it computed: its time is taken off as it was measured', () => {
    const call = callAt(SPLIT, 300 * KB, false);
    const {moves} = noteRequest(CUTS, startCutMoves(SPLIT, 0), call, 0);
    expect(bandwidthSeen(moves)).toBeCloseTo(300 * KB, -1);
  });

  it('a cut that held only for a moment is left for longer than one that held', () => {
    const start = startCutMoves(SPLIT, 0);
    const soon = noteMove(start, ALONE, 3000);
    expect(soon.probeEveryMs).toBe(4000);
    expect(noteMove(soon, SPLIT, 9000).probeEveryMs).toBe(8000);
    expect(noteMove(soon, SPLIT, 100_000).probeEveryMs).toBe(2000);
    expect(soon).toMatchObject({serving: ALONE, seen: []});
  });

  it('ends on the table’s cut at any steady bandwidth that is clear of its edges, and never moves twice', () => {
    fc.assert(
      fc.property(
        fc.double({min: 1, max: 7, noNaN: true}),
        fc.constantFrom(ALONE, SPLIT, CLOUD),
        (power, first) => {
          const bandwidth = 10 ** power;
          const best = CUTS.table.findIndex(
            ({toBytesPerSecond}) => toBytesPerSecond === null || bandwidth <= toBytesPerSecond,
          );
          fc.pre([100 * KB, 2000 * KB].every(edge => Math.abs(bandwidth / edge - 1) > 0.2));
          let moves = startCutMoves(first, 0);
          let count = 0;
          for (let nowMs = 0; nowMs < 200_000; nowMs += 1000) {
            const call = moves.serving === ALONE ? null : callAt(moves.serving, bandwidth);
            let {step, ...next} = noteRequest(CUTS, moves, call, nowMs);
            if (step.kind === 'probe')
              ({step, ...next} = noteProbe(
                CUTS,
                next.moves,
                {cut: step.cut, call: callAt(step.cut, bandwidth)},
                nowMs,
              ));
            moves = next.moves;
            if (step.kind !== 'move') continue;
            count++;
            moves = noteMove(moves, step.to, nowMs);
          }
          expect(moves.serving).toBe(best);
          expect(count).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
