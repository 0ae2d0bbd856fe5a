import {describe, expect, it} from 'vitest';
import {
  decideByMeasurement,
  type CandidateToDecide,
  type MeasuredRequest,
} from '../../../src/placement/decideByMeasurement.ts';

const candidate = (name: string, predictedMs: number, problem: string | null = null): CandidateToDecide => ({
  name,
  predictedMs,
  problem,
});
const request = (totalMs: number): MeasuredRequest => ({
  totalMs,
  headMs: totalMs / 2,
  linkMs: totalMs / 4,
  tailMs: 1,
});
/** Rounds in which the machine wanders by a factor of three, slower and slower. */
const wandering = (msOf: readonly ((round: number) => number)[], rounds = 30): MeasuredRequest[][] =>
  Array.from({length: rounds}, (_, round) => msOf.map(ms => request(ms(round) * (1 + (2 * round) / rounds))));
const two = [candidate('predicted best', 10), candidate('other', 11)] as const;

describe('deciding by what was measured', () => {
  it('one that is a little faster in every round wins, although the machine wanders by far more', () => {
    const {winner, verified} = decideByMeasurement(two, wandering([() => 10, () => 9.5]), true);
    expect(winner).toBe(1);
    expect(verified.isChanged).toBe(true);
    expect(verified.candidates.map(({verdict}) => verdict)).toEqual(['slower', 'chosen']);
    expect(verified.candidates[0]!.difference!.interval90.lowMs).toBeGreaterThan(0);
  });

  it('one whose median is the least by chance does not', () => {
    const {winner, verified} = decideByMeasurement(
      two,
      wandering([() => 10, round => (round % 2 === 0 ? 9.9 : 10.05)]),
      true,
    );
    expect(winner).toBe(0);
    expect(verified.isChanged).toBe(false);
    expect(verified.candidates[1]).toMatchObject({verdict: 'not-told-apart'});
  });

  it('of two that are surely faster the faster one wins', () => {
    const three = [...two, candidate('third', 12)] as const;
    const {winner, verified} = decideByMeasurement(three, wandering([() => 10, () => 9, () => 8]), true);
    expect(winner).toBe(2);
    expect(verified.candidates.map(({verdict}) => verdict)).toEqual(['slower', 'slower', 'chosen']);
  });

  it('where something else than speed was asked for, the first stays', () => {
    const {winner, verified} = decideByMeasurement(two, wandering([() => 10, () => 5]), false);
    expect(winner).toBe(0);
    expect(verified.candidates[1]).toMatchObject({verdict: 'not-told-apart'});
  });

  it('one that gives no answers is no plan: the fastest that answers is taken', () => {
    const rounds = wandering([() => 1, () => 9]).map(([, other]) => [null, other!]);
    const failing = [candidate('predicted best', 10, 'no session'), candidate('other', 11)] as const;
    for (const decides of [true, false]) {
      const {winner, verified} = decideByMeasurement(failing, rounds, decides);
      expect(winner).toBe(1);
      expect(verified.candidates[0]).toMatchObject({measured: null, verdict: 'failed', reason: 'no session'});
    }
    const rarely = wandering([() => 1, () => 9]).map(([one, other], round) => [
      round % 3 === 0 ? one! : null,
      other!,
    ]);
    const {verified} = decideByMeasurement(two, rarely, true);
    expect(verified.candidates[0]).toMatchObject({verdict: 'failed', reason: 'answered 10 of 30 requests'});
  });

  it('where nothing answers the first stays, and says so', () => {
    const {winner, verified} = decideByMeasurement(two, [[null, null]], true);
    expect(winner).toBe(0);
    expect(verified.candidates[0]).toMatchObject({measured: null, verdict: 'chosen'});
  });

  it('the interval holds the true median nine times of ten or a little more, whatever the distribution', () => {
    // Exponential times: skewed as latencies are; their median is ln 2. Seeded, so that it is the same every time.
    let state = 12345;
    const next = (): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) / 2 ** 24;
    };
    let held = 0;
    const trials = 2000;
    for (let trial = 0; trial < trials; trial++) {
      const rounds = Array.from({length: 20}, () => [request(-Math.log(1 - next()))]);
      const {verified} = decideByMeasurement([candidate('only', 1)], rounds, true);
      const {lowMs, highMs} = verified.candidates[0]!.measured!.interval90;
      if (lowMs <= Math.LN2 && Math.LN2 <= highMs) held += 1;
    }
    expect(held / trials).toBeGreaterThan(0.88);
    expect(held / trials).toBeLessThan(0.98);
  });
});
