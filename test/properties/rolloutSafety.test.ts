import {describe, expect, it} from 'vitest';
import type {RolloutPolicyFields} from '../../src/documents/rolloutPolicy.ts';
import {driveEmulatedFleet} from './emulatedFleet.ts';
import type {Behaviour} from './emulatedRelease.ts';
import {seededNumbers} from '../../src/documents/seededNumbers.ts';
import {simulateRollout} from './simulatedFleet.ts';

/** Four kinds of 250 seeds each are the 1,000 simulations of the issue. */
const RUNS = 250;
const POLICY: RolloutPolicyFields = {maxParallel: 6, soakSeconds: 30, patienceSeconds: 120};
const ALLOWED_ERRORS = 0.05;

function fleet(size: number, behave: (index: number) => Behaviour): Behaviour[] {
  return Array.from({length: size}, (_, index) => behave(index));
}

/** Devices of each run, from a seed of its own. */
function sizeOf(seed: number): number {
  return 20 + Math.floor(seededNumbers(seed)() * 21);
}

describe('a rollout of a bad release', () => {
  it.each([
    ['is bad on 5 % of the devices', 0.05, (isHit: boolean): Behaviour => ({isBad: isHit})],
    ['is bad on 20 %', 0.2, (isHit: boolean): Behaviour => ({isBad: isHit})],
    ['is bad on 60 %', 0.6, (isHit: boolean): Behaviour => ({isBad: isHit})],
    ['is slow everywhere', 1, (): Behaviour => ({slowness: 1.6})],
    ['crashes after 20 s', 1, (): Behaviour => ({crashesAfterMs: 20_000})],
  ])('that %s is stopped: exposure bounded, everything restored', (_, part, behave) => {
    for (let seed = 1; seed <= RUNS / 5; seed++) {
      const random = seededNumbers(seed * 7919);
      const size = sizeOf(seed);
      const hit = fleet(size, () => ({})).map(() => random() < part);
      // Somebody must be hit at all.
      hit[seed % size] = true;
      const run = simulateRollout(
        fleet(size, index => behave(hit[index] === true)),
        POLICY,
        seed,
      );
      expect(run.outcome, `seed ${seed}`).toBe('reverted');
      expect(run.exposedSinceEvidence.size, `seed ${seed}`).toBeLessThanOrEqual(6);
      if (part === 1) expect(run.exposed.size, `seed ${seed}`).toBeLessThanOrEqual(run.canaries + 6);
      expect([...run.holding], `seed ${seed}`).toEqual([]);
      expect(run.mostInFlight).toBeLessThanOrEqual(6);
    }
  });

  it('whose requests fail at more than twice the allowed rate never passes its first wave', () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const rate = 2 * ALLOWED_ERRORS * (1 + seededNumbers(seed)());
      const run = simulateRollout(
        fleet(sizeOf(seed), () => ({errorRate: rate})),
        POLICY,
        seed,
      );
      expect(run.wavePassed(1), `seed ${seed}, rate ${rate}`).toBe(false);
      expect(run.outcome).not.toBe('complete');
      if (run.outcome === 'reverted') expect([...run.holding]).toEqual([]);
    }
  });
});

describe('a rollout of a good release', () => {
  it('whose requests fail at less than half the allowed rate is stopped by mistake in at most 5 % of the runs', () => {
    let stopped = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const rate = (ALLOWED_ERRORS / 2) * seededNumbers(seed)();
      const run = simulateRollout(
        fleet(sizeOf(seed), () => ({errorRate: rate})),
        POLICY,
        seed,
      );
      if (run.outcome === 'complete') expect(run.holding.size).toBe(run.state.devices.size);
      else stopped++;
    }
    expect(stopped / RUNS).toBeLessThanOrEqual(0.05);
  });
});

describe('what cannot be known', () => {
  it('is never promoted: without measurements a rollout pauses after its first wave', () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const run = simulateRollout(
        fleet(sizeOf(seed), () => ({isSilent: true})),
        POLICY,
        seed,
      );
      expect(run.outcome).toBe('paused');
      expect(run.state.passedWaves.size).toBe(0);
      expect(run.exposed.size).toBe(run.canaries);
    }
  });

  it('is not waited for where too few requests come', () => {
    const run = simulateRollout(
      fleet(20, () => ({})),
      POLICY,
      1,
      0,
    );
    expect(run.outcome).toBe('paused');
  });
});

describe('a device that cannot be taken back', () => {
  it('does not keep the others from being taken back', () => {
    const run = simulateRollout(
      fleet(30, index => ({crashesAfterMs: 20_000, isStuck: index % 3 === 0})),
      POLICY,
      3,
    );
    expect(run.outcome).toBe('revert-incomplete');
    expect([...run.holding].every(name => Number(name.slice(1)) % 3 === 0)).toBe(true);
  });
});

describe('devices that are offline', () => {
  it('are left for later, and the rollout ends partial', () => {
    const run = simulateRollout(
      fleet(30, index => ({isOffline: index >= 3 && index % 10 === 4})),
      {...POLICY, gates: {unreachable: '40%'}},
      5,
    );
    expect(run.outcome).toBe('partial');
    expect(run.holding.size).toBe(27);
  });
});

describe('the driver itself, over a hundred emulated devices', () => {
  it.each<[string, (index: number) => Behaviour]>([
    ['is bad on 20 % of them', index => ({isBad: index % 5 === 1})],
    ['crashes', () => ({crashesAfterMs: 200})],
  ])('takes a release back that %s, from every device that had it', async (_, behave) => {
    const policy = {...POLICY, soakSeconds: 0.4, patienceSeconds: 10};
    const run = await driveEmulatedFleet(
      fleet(100, index => behave(index)),
      policy,
      11,
    );
    expect(run.outcome).toBe('reverted');
    expect([...run.holding]).toEqual([]);
    expect(run.exposedSinceEvidence.size).toBeLessThanOrEqual(6);
    expect(run.mostInFlight).toBeLessThanOrEqual(6);
    expect(run.journalOutcome).toBe('reverted');
  });
});
