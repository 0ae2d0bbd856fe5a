import {describe, expect, it} from 'vitest';
import type {DevicePhase, RolloutRecord} from '../../../src/documents/rollout.ts';
import {completePolicy, type RolloutPolicyFields} from '../../../src/documents/rolloutPolicy.ts';
import {nextSteps, waveToApprove} from '../../../src/rollout/nextSteps.ts';
import {stateOfRollout} from '../../../src/rollout/rolloutState.ts';

const at = '2026-01-01T00:00:00.000Z';
const device = (name: string, phase: DevicePhase): RolloutRecord => ({
  record: 'device',
  at,
  device: name,
  phase,
});
const passed = (wave: number): RolloutRecord => ({record: 'gates', at, wave, verdict: 'pass', results: []});

/** Devices `a` to `e`: a in wave 1, b and c in wave 2, d and e in wave 3. */
function stepsAfter(
  records: readonly RolloutRecord[],
  {policy = {}, inFlight = []}: {policy?: RolloutPolicyFields; inFlight?: readonly string[]} = {},
) {
  const devices = Object.entries({a: 1, b: 2, c: 2, d: 3, e: 3}).map(([name, wave]) => ({
    device: name,
    hardwareClass: 'x',
    plan: '',
    wave,
  }));
  const state = stateOfRollout({devices, records: [...records]});
  return nextSteps(state, new Map(), completePolicy(policy), new Set(inFlight), Date.parse(at)).map(step =>
    'device' in step
      ? `${step.kind} ${step.device}`
      : step.kind === 'end'
        ? `end ${step.outcome}`
        : step.kind,
  );
}

describe('next steps', () => {
  it.each<[string, RolloutRecord[], Parameters<typeof stepsAfter>[1], string[]]>([
    ['a rollout starts with its canary alone', [], {}, ['stage a']],
    ['a device in flight gets no second step', [], {inFlight: ['a']}, []],
    ['a staged device is activated', [device('a', 'staged')], {}, ['activate a']],
    ['an activated one is checked', [device('a', 'activated')], {}, ['check a']],
    ['a checked one is confirmed', [device('a', 'checked')], {}, ['confirm a']],
    ['a confirmed canary soaks', [device('a', 'confirmed')], {}, ['soak']],
    [
      'after the canary passed the next wave is staged',
      [device('a', 'confirmed'), passed(1)],
      {},
      ['stage b', 'stage c'],
    ],
    [
      'not more than may at once',
      [device('a', 'confirmed'), passed(1)],
      {policy: {maxParallel: 1}},
      ['stage b'],
    ],
    [
      'not more are switched than may be unavailable',
      [device('a', 'confirmed'), passed(1), device('b', 'staged'), device('c', 'staged')],
      {policy: {maxUnavailable: 1}},
      ['activate b'],
    ],
    [
      'after the first wave, no more are switched than a third of those that are well, at least one',
      [device('a', 'confirmed'), passed(1), device('b', 'staged'), device('c', 'staged')],
      {policy: {maxUnavailable: '100%'}},
      ['activate b'],
    ],
    [
      'those that wait for their switch count among those that are worked on',
      [device('a', 'confirmed'), passed(1), device('b', 'staged')],
      {policy: {maxParallel: 1}},
      ['activate b'],
    ],
    [
      'a wave that wants approval waits for it',
      [device('a', 'confirmed'), passed(1)],
      {policy: {approveBefore: [2]}},
      ['end waiting-for-approval'],
    ],
    [
      'and goes on once it is approved',
      [device('a', 'confirmed'), passed(1), {record: 'approved', at, wave: 2}],
      {policy: {approveBefore: [2]}},
      ['stage b', 'stage c'],
    ],
    ['one failed device of one tried stops', [device('a', 'failed')], {}, ['stop']],
    [
      'once stopped, what is exposed is taken back, and nothing is staged',
      [device('a', 'confirmed'), passed(1), device('b', 'activated'), {record: 'stopped', at, reason: 'r'}],
      {},
      ['revert a', 'revert b'],
    ],
    [
      'a stopped rollout does not end while a device is in flight',
      [device('a', 'reverted'), {record: 'stopped', at, reason: 'r'}],
      {inFlight: ['b']},
      [],
    ],
    [
      'and ends reverted when everything is back',
      [device('a', 'reverted'), {record: 'stopped', at, reason: 'r'}],
      {},
      ['end reverted'],
    ],
    [
      'or incomplete where a device could not be taken back',
      [device('a', 'revert-failed'), {record: 'stopped', at, reason: 'r'}],
      {},
      ['end revert-incomplete'],
    ],
    ['a canary that is offline tells nothing', [device('a', 'deferred')], {}, ['end paused']],
    ['a rollout in which everything was unchanged passes at once', [device('a', 'unchanged')], {}, ['pass']],
  ])('%s', (_, records, options, expected) => {
    expect(stepsAfter(records, options)).toEqual(expected);
  });

  it('a resumed rollout takes up who was offline, and judges its wave again', () => {
    const all: RolloutRecord[] = [
      device('a', 'confirmed'),
      passed(1),
      device('b', 'confirmed'),
      device('c', 'deferred'),
      passed(2),
      device('d', 'unchanged'),
      device('e', 'unchanged'),
      passed(3),
    ];
    expect(stepsAfter(all)).toEqual(['end partial']);
    expect(stepsAfter([...all, {record: 'ended', at, outcome: 'partial', reason: ''}])).toEqual([]);
    const resumed: RolloutRecord[] = [
      ...all,
      {record: 'ended', at, outcome: 'partial', reason: ''},
      {record: 'resumed', at},
    ];
    expect(stepsAfter(resumed)).toEqual(['stage c']);
  });
});

describe('the wave to approve', () => {
  it.each<[string, RolloutRecord[], number | null]>([
    ['is the first that has not begun', [device('a', 'confirmed')], 2],
    ['is the next one when the first is approved', [{record: 'approved', at, wave: 2}], 3],
    ['is none that has begun', [device('b', 'staged'), {record: 'approved', at, wave: 3}], null],
    [
      'is still the first when an earlier device comes later',
      [device('a', 'deferred'), {record: 'resumed', at}],
      2,
    ],
  ])('%s', (_, records, expected) => {
    const devices = [1, 2, 3].map(wave => ({
      device: 'abc'[wave - 1] ?? '',
      hardwareClass: 'x',
      plan: '',
      wave,
    }));
    // There is no ninth wave.
    expect(waveToApprove(stateOfRollout({devices, records}), {approveBefore: [2, 3, 9]})).toBe(expected);
  });
});
