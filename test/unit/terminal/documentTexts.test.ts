import {describe, expect, it} from 'vitest';
import type {Explanation, WhatIfAnswer} from '../../../src/documents/explanation.ts';
import type {Inspection} from '../../../src/documents/inspection.ts';
import {planSchema, type Plan} from '../../../src/documents/plan.ts';
import {textFromExplanation} from '../../../src/terminal/textFromExplanation.ts';
import {textFromInspection} from '../../../src/terminal/textFromInspection.ts';
import {textFromPlan} from '../../../src/terminal/textFromPlan.ts';

const digest = `sha256:${'0'.repeat(64)}`;

const deviceOnly = {
  latencyMs: 12.4,
  deviceMs: 12.1,
  linkMs: 0,
  cloudMs: 0,
  overheadMs: 0.3,
  upBytes: 0,
  downBytes: 0,
  deviceWeightBytes: 2_180_000,
  cloudWeightBytes: 0,
};
const split = {
  ...deviceOnly,
  latencyMs: 8.2,
  deviceMs: 3.1,
  linkMs: 4.1,
  cloudMs: 0.7,
  upBytes: 16_384,
  downBytes: 40,
  deviceWeightBytes: 77_568,
  cloudWeightBytes: 2_102_312,
};

const plan: Plan = planSchema.parse({
  kind: 'edgewise/plan',
  formatVersion: 1,
  madeBy: 'edgewise 0.1.0',
  madeAt: '2025-01-01T00:00:00Z',
  madeFrom: {},
  device: 'pi-1',
  cloud: 'lab-cloud',
  build: digest,
  threads: 4,
  objective: 'latency',
  constraints: {keepRawInputOnDevice: true, pins: []},
  layers: [
    {
      name: 'conv1',
      operator: 'Conv',
      tier: 'device',
      reason: 'keeps-raw-input-on-device',
      deviceMs: 3.1,
      cloudMs: 0.3,
    },
    {name: 'dense1', operator: 'Gemm', tier: 'cloud', reason: 'faster-here', deviceMs: 9, cloudMs: 0.7},
  ],
  cut: [{tensor: 'conv1_out', direction: 'up', elementType: 'float32', shape: [1, 64, 8, 8], bytes: 16_384}],
  predicted: split,
  certificate: {flowNs: 7_900_000, cutNs: 7_900_000},
  alternatives: [
    {name: 'cut after conv1', predicted: split, verdict: 'chosen', reason: 'the least predicted latency'},
    {name: 'device-only', predicted: deviceOnly, verdict: 'slower', reason: 'slower by 4.2 ms'},
    {
      name: 'cloud-only',
      predicted: null,
      verdict: 'not-allowed',
      reason: 'tensor image must not cross the link',
    },
  ],
  refusals: [{reason: 'layer-without-measured-time', count: 2}],
  isComplete: false,
  isApplyable: true,
});

const explanation: Explanation = {
  device: 'pi-1',
  cloud: 'lab-cloud',
  chosen: {name: 'cut after conv1', latencyMs: 8.2},
  goal: {name: 'latency', unit: 'ms', amount: 8.2},
  limits: [],
  groups: [
    {layers: ['conv1'], tier: 'device', reason: 'saves-transfer', ms: 3.1, elsewhereMs: 0.3},
    {layers: ['a', 'b', 'c', 'd', 'e'], tier: 'cloud', reason: 'faster-here', ms: 0.7, elsewhereMs: 9},
  ],
  crossing: {tensors: [{name: 'conv1_out', direction: 'up', bytes: 16_384}], linkMs: 4.1},
  runnerUps: [
    {name: 'device-only', latencyMs: 12.4, amount: 12.4, differenceMs: 4.2, reason: 'slower by 4.2 ms'},
    {name: 'cloud-only', latencyMs: null, amount: null, differenceMs: null, reason: 'not allowed'},
  ],
  alternatives: plan.alternatives,
  changes: [
    {
      what: 'link-bandwidth',
      direction: 'below',
      threshold: 1_900_000,
      unit: 'bytes-per-second',
      current: 5_000_000,
      becomes: 'device-only',
    },
    {what: 'round-trip', direction: 'above', threshold: 7.2, unit: 'ms', current: 3, becomes: 'device-only'},
    {
      what: 'device-speed',
      direction: 'above',
      threshold: 1.87,
      unit: 'times',
      current: 1,
      becomes: 'device-only',
    },
    {
      what: 'cloud-speed',
      direction: 'below',
      threshold: 0.125,
      unit: 'times',
      current: 1,
      becomes: 'device-only',
    },
  ],
  envelope: {
    placements: [
      {
        name: 'cut after conv1',
        deviceLayers: [{first: 'conv1', last: 'conv1'}],
        upBytes: 16_384,
        downBytes: 40,
        latencyMs: 8.2,
        transferMs: 3.3,
        cloudMs: 0.7,
      },
      {
        name: 'device-only',
        deviceLayers: [{first: 'conv1', last: 'e'}],
        upBytes: 0,
        downBytes: 0,
        latencyMs: 12.4,
        transferMs: 0,
        cloudMs: 0,
      },
    ],
    axes: [
      {
        what: 'link-bandwidth',
        unit: 'bytes-per-second',
        current: 5_000_000,
        pieces: [
          {from: 1250, to: 1_900_000, placement: 1, latencyMsFrom: 12.4, latencyMsTo: 12.4},
          {from: 1_900_000, to: null, placement: 0, latencyMsFrom: 12.4, latencyMsTo: 4.9},
        ],
      },
    ],
  },
};

const tensor = (name: string, shape: (number | string | null)[] | null, bytes: number | null) =>
  ({name, elementType: 'float32', shape, bytes}) as const;

const inspection: Inspection = {
  model: {producer: 'pytorch', irVersion: 8, opsets: [{domain: '', version: 17}]},
  inputs: [tensor('image', ['batch', 3, 32, 32], null)],
  outputs: [tensor('probabilities', [1, null], 40)],
  totals: {
    layers: 3,
    multiplyAdds: 884_736,
    weightBytes: 3584,
    activationBytes: 131_072,
    layersWithoutCost: 1,
  },
  layers: [
    {
      name: 'conv1',
      operator: 'Conv',
      outputs: [tensor('conv1_out', [1, 32, 32, 32], 131_072)],
      multiplyAdds: 884_736,
      weightBytes: 3584,
      sharesWeights: false,
      activationBytes: 131_072,
    },
    {
      name: 'conv1-again\u001b[31m',
      operator: 'Conv',
      outputs: [tensor('again_out', null, null)],
      multiplyAdds: null,
      weightBytes: 0,
      sharesWeights: true,
      activationBytes: null,
    },
  ],
  cuts: [],
  cheapestCuts: [{position: 1, after: 'conv1', tensors: ['conv1_out'], bytes: 131_072}],
};

describe('documents as text', () => {
  it('a plan says what runs where, what crosses and what else was possible', () => {
    expect(textFromPlan(plan)).toMatchInlineSnapshot(`
      "Device pi-1, cloud lab-cloud: 1 of 2 layers on the device, 1 in the cloud.

      layer   operator  runs on  device ms  cloud ms  why
      conv1   Conv      device        3.10      0.30  keeps the raw input on the device
      dense1  Gemm      cloud         9.00      0.70  faster here

      Crosses the link
      tensor     direction  form                      size
      conv1_out  up         float32 [1, 64, 8, 8]  16.4 kB

      Predicted 8.2 ms for a request: device 3.1 ms, link 4.1 ms, cloud 0.7 ms, serving 0.3 ms. Sends
      16.4 kB up and 40 B down. Weights: 77.6 kB on the device, 2.1 MB in the cloud.

      placement        total ms  device  link  cloud  sends up  verdict
      cut after conv1      8.20    3.10  4.10   0.70   16.4 kB  chosen
      device-only         12.40   12.10  0.00   0.00       0 B  slower by 4.2 ms
      cloud-only              -       -     -      -         -  not allowed: tensor i…t not cross the link

      Not as wished: layer-without-measured-time (2)

      The plan is not complete: some layers have no measured time."
    `);
  });

  it('a plan over a gateway has a column and a count for it', () => {
    const overGateway: Plan = {
      ...plan,
      tiers: [
        {tier: 'device', machine: 'pi-1'},
        {tier: 'gateway', machine: 'shelf'},
        {tier: 'cloud', machine: 'lab-cloud'},
      ],
      layers: plan.layers.map((layer, at) => ({
        ...layer,
        gatewayMs: 1.5 + at,
        ...(at === 1 ? {tier: 'gateway' as const} : {}),
      })),
    };
    const text = textFromPlan(overGateway);
    expect(text.replaceAll('\n', ' ')).toContain(
      'Device pi-1, gateway shelf, cloud lab-cloud: 1 of 2 layers on the device, 1 on the gateway, 0 in the cloud.',
    );
    expect(text).toContain('device ms  gateway ms  cloud ms');
  });

  it('a plan with rounded tensors says what crosses how, what was tried and why it was taken or left', () => {
    const rounded: Plan = {
      ...plan,
      cut: plan.cut.map(row => ({...row, precision: 'int8', scale: 0.1, zeroPoint: 0, bytes: 4096})),
      precision: {
        boundary: 'int8',
        input: 'as-is',
        candidates: [
          {
            boundary: 'int8',
            input: 'as-is',
            predictedMs: 5.1,
            upBytes: 4096,
            verdict: 'chosen',
            reason: 'top-1 94.00 % where the original has 94.50 %',
          },
          {
            boundary: 'as-is',
            input: 'as-is',
            predictedMs: 8.2,
            upBytes: 16_384,
            verdict: 'slower',
            reason: 'slower by 3.1 ms',
          },
          {
            boundary: 'fp16',
            input: 'pixels',
            predictedMs: null,
            upBytes: null,
            verdict: 'refused',
            reason: 'no samples',
          },
        ],
      },
    };
    const text = textFromPlan(rounded);
    expect(text).toContain('float32 [1, 64, 8, 8] as int8');
    expect(text).toContain(`what crosses goes   total ms  sends up  verdict
as int8                 5.10    4.1 kB  chosen: top-1 94.00 % where the original has 94.50 %
as it is                8.20   16.4 kB  slower by 3.1 ms
as pixels and fp16         -         -  no samples`);
  });

  it('a plan tells what a request takes of what was declared', () => {
    const predicted = {
      ...plan.predicted,
      energyMillijoules: 31.23,
      money: {amount: 0.0000012345, currency: 'EUR'},
      bottleneckMs: 4.56,
    };
    expect(textFromPlan({...plan, predicted}).replace(/\s+/g, ' ')).toContain(
      'Energy of the device: 31.2 mJ. Paid for the cloud: 0.00000123 EUR. One request can follow another every 4.56 ms.',
    );
  });

  it('an explanation says why, what else, and what would change it', () => {
    expect(textFromExplanation(explanation)).toMatchInlineSnapshot(`
      "pi-1 with cloud lab-cloud: cut after conv1, predicted 8.2 ms.

      Why each layer is where it is
      layers     runs on  ms there  ms elsewhere  why
      conv1      device       3.10          0.30  saves a transfer
      a … e (5)  cloud        0.70          9.00  faster here

      Over the link, in 4.1 ms: conv1_out up (16.4 kB).

      What else was possible
      placement    total ms  slower by  why not
      device-only     12.40       4.20  slower by 4.2 ms
      cloud-only          -          -  not allowed

      Where the time goes
      cut after conv1   8.2 ms  ███████████████────────────────────▒▒▒··
      device-only      12.4 ms  ███████████████████████████████████████████████████████████·
      █ device  ─ link  ▒ cloud  · serving

      This plan holds from 15.2 Mbit/s on (now 40 Mbit/s), with everything else as measured.
      bandwidth                      best placement   latency
      from 10 kbit/s to 15.2 Mbit/s  device-only      12.4 ms
      from 15.2 Mbit/s on (now)      cut after conv1  12.4 ms down to 4.9 ms

      What would change the answer
      - the link's bandwidth below 15.2 Mbit/s (now 40 Mbit/s) makes it device-only
      - the round-trip time above 7.2 ms (now 3 ms) makes it device-only
      - the device's speed: more than 1.87 times faster makes it device-only
      - the cloud's speed: more than 8 times slower makes it device-only"
    `);
  });

  it.each<[string, WhatIfAnswer]>([
    [
      'At 12 Mbit/s, device-only is the best: 12.4 ms. This plan (cut after conv1) would take 15.9 ms.',
      {
        asked: {bandwidthBytesPerSecond: 1.5e6},
        best: {name: 'device-only', latencyMs: 12.4},
        chosen: {name: 'cut after conv1', latencyMs: 15.9},
        isProven: true,
      },
    ],
    [
      'With a round trip of 4 ms, this plan is the best: cut after conv1, 9.2 ms.',
      {
        asked: {roundTripMs: 4},
        best: {name: 'cut after conv1', latencyMs: 9.2},
        chosen: {name: 'cut after conv1', latencyMs: 9.2},
        isProven: true,
      },
    ],
    [
      'At 80 Mbit/s, with a round trip of 4 ms and with a cloud 2 times slower, this plan is the best: cut\n' +
        'after conv1, 8.25 ms. Several quantities differ at once: this compares the placements that the plan\n' +
        'knows, not all.',
      {
        asked: {bandwidthBytesPerSecond: 1e7, roundTripMs: 4, cloudSlower: 2},
        best: {name: 'cut after conv1', latencyMs: 8.25},
        chosen: {name: 'cut after conv1', latencyMs: 8.25},
        isProven: false,
      },
    ],
  ])('an explanation that is asked what would be says only that: %s', (sentence, whatIf) => {
    expect(textFromExplanation({...explanation, whatIf})).toBe(
      `pi-1 with cloud lab-cloud: cut after conv1, predicted 8.2 ms.\n\n${sentence}`,
    );
  });

  it('an inspection says what each layer costs and where a cut is cheap', () => {
    expect(textFromInspection(inspection)).toMatchInlineSnapshot(`
      "Made by pytorch; IR version 8; operators ai.onnx 17
      input   image: float32 [batch, 3, 32, 32]
      output  probabilities: float32 [1, ?]
      3 layers, 885 k multiply-adds, 3.58 kB of weights, 131 kB of activations
      Not in these sums, because their shapes are unknown: 1 layers.

      #  layer        operator  output                   multiply-adds  weights  activations
      1  conv1        Conv      float32 [1, 32, 32, 32]          885 k  3.58 kB       131 kB
      2  conv1-again  Conv      float32 […]                          ?       *-            ?
      * shares weights with an earlier layer, where they are counted

      Cheap places for a cut
      after layer  device  cloud   sends  tensors
      conv1             1      1  131 kB  conv1_out"
    `);
  });

  it.each([60, 80, 100])('no line is wider than %i columns, however long the names', width => {
    const long = 'backbone/stage3/block12/conv2/'.repeat(6);
    const texts = [
      textFromPlan({...plan, layers: plan.layers.map(layer => ({...layer, name: long + layer.name}))}, width),
      textFromExplanation(
        {...explanation, groups: explanation.groups.map(group => ({...group, layers: [long]}))},
        width,
      ),
      textFromInspection(
        {...inspection, layers: inspection.layers.map(layer => ({...layer, name: long}))},
        width,
      ),
    ];
    const widest = Math.max(...texts.flatMap(text => text.split('\n')).map(line => [...line].length));
    expect(widest).toBeLessThanOrEqual(width);
  });

  it('an explanation of another goal tells it, its limits and what the others take of it', () => {
    const text = textFromExplanation({
      ...explanation,
      goal: {name: 'energy', unit: 'mJ', amount: 31.2},
      limits: [
        {name: 'latency', unit: 'ms', taken: 8.2, allowed: 80},
        {name: 'memory of the device', unit: 'bytes', taken: 400_000, allowed: 64_000_000},
        {name: 'money', unit: 'USD', taken: null, allowed: 0.0001},
      ],
      runnerUps: [
        {name: 'device-only', latencyMs: 7, amount: 44.12, differenceMs: 0, reason: 'worse by 41 %'},
      ],
    });
    expect(text).toContain('predicted 8.2 ms; the least energy mJ: 31.2.');
    expect(text.replace(/\s+/g, ' ')).toContain(
      'Keeps within its limits: latency, 8.2 ms of at most 80 ms; memory of the device, 400 kB of at most 64 MB; money, at most 0.0001 USD.',
    );
    expect(text).toMatch(/energy mJ +why not\n.*44\.12/);
  });

  it.each([
    [true, 'keeps its ceiling'],
    [false, 'breaks its ceiling'],
  ])('a price under a ceiling of money is answered for the plan alone: %s', (keepsCeiling, words) => {
    const chosen = {name: 'cut after conv1', latencyMs: 8.2, money: {amount: 1.234e-6, currency: 'EUR'}};
    const asked = {pricePerHour: {amount: 2, currency: 'EUR'}};
    const text = textFromExplanation({
      ...explanation,
      whatIf: {asked, best: chosen, chosen, isProven: false, keepsCeiling},
    }).replace(/\s+/g, ' ');
    expect(text).toContain(
      `At 2 EUR an hour, this plan (cut after conv1) ${words}: 8.2 ms and 0.00000123 EUR a request.`,
    );
  });

  it('an explanation that nothing would change says so', () => {
    expect(textFromExplanation({...explanation, cloud: null, changes: []})).toContain(
      'No change of one measured',
    );
  });
});
