import {describe, expect, it} from 'vitest';
import type {PlacementAnswer} from '../../../src/documents/placementAnswer.ts';
import {textFromPlacement} from '../../../src/terminal/textFromPlacement.ts';

const answer: PlacementAnswer = {
  kind: 'edgewise/placement',
  formatVersion: 1,
  objective: 'latency',
  direction: 'one-way',
  tiers: ['device', 'gateway', 'cloud'],
  decisions: [
    {layer: 'conv1', tier: 'device', reason: 'saves-transfer', ms: 5},
    ...Array.from({length: 5}, (_, index) => ({
      layer: `dense${index}`,
      tier: 'cloud',
      reason: index < 4 ? ('faster-here' as const) : ('as-fast-here' as const),
      ms: 0.5,
    })),
  ],
  crossings: [
    {tensor: 'y', from: 'device', to: 'cloud', direction: 'up', bytes: 12_500, ms: 10},
    {tensor: 'z', from: 'cloud', to: 'device', direction: 'down', bytes: 1250, ms: 0.5},
  ],
  totals: {
    latencyMs: 28,
    bottleneckMs: 10.5,
    bytes: 13_750,
    tiers: [
      {tier: 'device', ms: 5, weightBytes: 0},
      {tier: 'gateway', ms: 0, weightBytes: 0},
      {tier: 'cloud', ms: 2.5, weightBytes: 0},
    ],
    links: [
      {from: 'device', to: 'gateway', upMs: 0, downMs: 0, roundTripMs: 0},
      {from: 'device', to: 'cloud', upMs: 10, downMs: 0.5, roundTripMs: 10},
    ],
  },
  alternatives: [{tier: 'device', latencyMs: 55, bottleneckMs: 55}],
  certificate: {isOptimal: true, flow: 28_000_000, cut: 28_000_000, bound: 28_000_000},
};

describe('the answer to a table of costs in words', () => {
  it('groups neighbouring layers, and tells what crosses, the totals, the proof and one tier for all', () => {
    expect(textFromPlacement(answer, 90))
      .toBe(`6 layers: 1 on device, 0 on gateway, 5 on cloud. One-way, least latency.

layers               runs on  ms there  why
conv1                device       5.00  saves a transfer
dense0 … dense4 (5)  cloud        2.50  faster here (4); nowhere faster (1)

Crosses
tensor  from    to         size     ms
y       device  cloud   12.5 kB  10.00
z       cloud   device  1.25 kB   0.50

Predicted 28 ms for a request: device 5 ms, cloud 2.5 ms, device to cloud 20.5 ms (round
trip 10 ms). Sends 13.8 kB. Following each other, one request every 10.5 ms: the link from
device to cloud is the busiest.

placement      latency ms  one request every ms
this plan           28.00                 10.50
all on device       55.00                 55.00

Proven best, flow = cut = 28000000 ns: no placement is below it.`);
  });

  it('says how far from the best a plan can be that is not proven best', () => {
    const certificate = {isOptimal: false, flow: 25_000_000, cut: 28_000_000, bound: 25_000_000};
    expect(textFromPlacement({...answer, certificate})).toMatch(
      /Not proven best: no placement is below 25 ms, and this one takes 28 ms, so this one is within 12 %\s+of the best\.$/,
    );
  });

  it('keeps within the width of a narrow terminal', () => {
    for (const line of textFromPlacement(answer, 40).split('\n'))
      expect([...line].length).toBeLessThanOrEqual(40);
  });

  it('keeps control characters of names off the terminal', () => {
    const decisions = [{layer: 'a\u001b[2Jb\n', tier: 'device', reason: 'faster-here' as const, ms: 1}];
    expect(textFromPlacement({...answer, decisions})).not.toContain('\u001b');
  });
});
