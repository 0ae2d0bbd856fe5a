import {describe, expect, it} from 'vitest';
import type {Plan} from '../../../src/documents/plan.ts';
import {arrangeDocument, yamlFromDocument} from '../../../src/documents/printDocument.ts';
import {planFromYaml} from '../../../src/documents/readDocument.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {ExpectedError} from '../../../src/errors.ts';
import {answerAtPrice} from '../../../src/placement/answerAtPrice.ts';
import {paretoOfPlan} from '../../../src/placement/goals/paretoOfPlan.ts';
import {planGoal} from '../../../src/placement/goals/planGoal.ts';
import type {PlacementConstraints, PlacementMeasurements} from '../../../src/placement/measurements.ts';
import {planDocument} from '../../../src/placement/planDocument.ts';
import {ARTICLE_CLOUD, ARTICLE_DEVICE, ARTICLE_LINK, articleMeasurements} from './articleNetwork.ts';

const header = writeHeader('plan', {version: '0.1.0', now: new Date(0), madeFrom: {}});
const free = {keepRawInputOnDevice: false, pins: []} as const;
const declared = {
  power: {computeWatts: 4, radioNanojoulesPerByte: 50},
  price: {perHour: 0.4, egressPerGigabyte: 0.09, currency: 'USD'},
} as const;

function planFor(
  constraints: Partial<PlacementConstraints> = {},
  rest: Partial<PlacementMeasurements> = {},
): Plan {
  return planDocument({
    header,
    measurements: articleMeasurements({constraints: {...free, ...constraints}, ...declared, ...rest}),
  });
}

/** A board behind a gateway that is half as fast as the cloud and near, with the cloud further away. */
const gatewayTimes = {
  ...ARTICLE_CLOUD,
  layers: ARTICLE_CLOUD.layers.map(layer => ({...layer, ms: layer.ms * 2})),
};
const threeTiers = {
  tiers: [
    {tier: 'device', machine: 'pi', times: ARTICLE_DEVICE},
    {tier: 'gateway', machine: 'hall', times: gatewayTimes},
    {tier: 'cloud', machine: 'cloud', times: ARTICLE_CLOUD},
  ],
  links: [
    {from: 'device', to: 'gateway', link: {...ARTICLE_LINK, fixedMs: 1, roundTripMs: 0.8}},
    {from: 'gateway', to: 'cloud', link: {...ARTICLE_LINK, fixedMs: 20, roundTripMs: 19}},
  ],
} as const;

function failureOf(plan: () => unknown): ExpectedError {
  try {
    plan();
  } catch (error) {
    if (error instanceof ExpectedError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a plan for a goal', () => {
  it('costs for the latency what the plan of a device and a cloud costs', () => {
    for (const constraints of [free, {...free, keepRawInputOnDevice: true}]) {
      for (const upBytesPerSecond of [60_000, 1_000_000, 2_500_000]) {
        const measurements = articleMeasurements({
          constraints,
          link: {...ARTICLE_LINK, upBytesPerSecond},
        });
        const plain = planDocument({header, measurements});
        const anew = planGoal({header, measurements});
        expect(anew.predicted.latencyMs).toBeCloseTo(plain.predicted.latencyMs, 9);
        expect(anew.certificate).toEqual(plain.certificate);
        expect(anew.layers.map(({tier}) => tier)).toEqual(plain.layers.map(({tier}) => tier));
        expect(anew.cut).toEqual(plain.cut);
      }
    }
  });

  it.each([
    ['over three tiers', planFor({}, threeTiers)],
    ['for the energy', planFor({}, {objective: 'energy'})],
    ['for the money', planFor({}, {objective: 'money'})],
    ['for the rate', planFor({}, {objective: 'throughput'})],
    ['within a memory', planFor({memory: [{tier: 'device', bytes: 400_000}]})],
    ['by weights', planFor({}, {objective: {latencyPerMs: 1, energyPerMillijoule: 2, moneyPerUnit: 100}})],
  ])('%s is whole, proven and survives being printed', (_, plan) => {
    expect(plan.certificate).toMatchObject({isOptimal: true});
    const {deviceMs, gatewayMs = 0, linkMs, cloudMs, overheadMs, latencyMs} = plan.predicted;
    expect(deviceMs + gatewayMs + linkMs + cloudMs + overheadMs).toBeCloseTo(latencyMs, 9);
    const text = yamlFromDocument('plan', plan);
    expect(planFromYaml(text, 'plan.yaml')).toEqual(arrangeDocument('plan', plan));
  });

  it('uses the gateway where that is near, and sends over no link that it does not need', () => {
    const plan = planFor({}, threeTiers);
    expect(new Set(plan.layers.map(({tier}) => tier))).toEqual(new Set(['gateway']));
    expect(plan.cut.map(({tensor, from, to}) => [tensor, from, to])).toEqual([
      ['image', 'device', 'gateway'],
      ['softmax_out', 'gateway', 'device'],
    ]);
    expect(plan.predicted.links?.[1]?.ms).toBe(0);
  });

  it('weighs energy: computing at 4 W against sending at 50 nJ a byte', () => {
    const plan = planFor({}, {objective: 'energy'});
    expect(new Set(plan.layers.map(({tier}) => tier))).toEqual(new Set(['cloud']));
    // 12,288 bytes up and 40 down.
    expect(plan.predicted.energyMillijoules).toBeCloseTo((12_328 * 50) / 1e6, 6);
    const alone = plan.alternatives.find(({name}) => name === 'device-only');
    expect(alone?.predicted?.energyMillijoules).toBeGreaterThan(150);
  });

  it('costs no money where nothing runs in the cloud', () => {
    const plan = planFor({}, {objective: 'money'});
    expect(plan.predicted.money).toEqual({amount: 0, currency: 'USD'});
    expect(new Set(plan.layers.map(({tier}) => tier))).toEqual(new Set(['device']));
  });

  it('keeps at least so many layers on the device, and says why they are there', () => {
    const plan = planFor({minDeviceLayers: 3});
    expect(plan.layers.filter(({tier}) => tier === 'device').length).toBeGreaterThanOrEqual(3);
    expect(plan.layers[0]?.reason).toBe('keeps-within-limits');
  });

  it('keeps within a memory of weights, what lives between layers and buffers', () => {
    const bytes = 400_000;
    const plan = planFor({memory: [{tier: 'cloud', bytes}]});
    const cloud = plan.predicted.tiers?.find(({tier}) => tier === 'cloud');
    expect(cloud?.memoryBytes).toBeLessThanOrEqual(bytes);
    expect(cloud?.memoryBytes).toBeGreaterThanOrEqual(cloud?.weightBytes ?? 0);
  });
});

describe('what cannot be kept together', () => {
  it('is named, with what is possible', () => {
    const error = failureOf(() => planFor({maxLatencyMs: 1, maxEnergyMillijoules: 1000}));
    expect(error).toMatchObject({code: 'nothing-feasible', exitCode: 13});
    expect(error.message).toMatch(
      /^No placement fits: maxLatency \(at least 16\.\d+ ms is possible, 1 ms is allowed\) cannot be kept\.$/,
    );
  });

  it('is a smallest set: what does not take part is not named', () => {
    const error = failureOf(() =>
      planFor({
        pins: [
          {layers: 'conv1', tier: 'device'},
          {layers: 'softmax', tier: 'cloud'},
        ],
        maxEnergyMillijoules: 1,
        maxLatencyMs: 10_000,
      }),
    );
    expect(error.message).toContain('pin conv1=device and maxEnergy (at least ');
    expect(error.message).not.toContain('softmax');
    expect(error.message).not.toContain('maxLatency');
  });

  it('tells pins against the order', () => {
    const error = failureOf(() =>
      planFor({
        pins: [
          {layers: 'conv1', tier: 'cloud'},
          {layers: 'softmax', tier: 'device'},
        ],
        minDeviceLayers: 1,
      }),
    );
    expect(error.message).toBe(
      'No placement fits: pin conv1=cloud and pin softmax=device cannot be kept together.',
    );
  });
});

describe('the front of two goals', () => {
  const measurements = (rest: Partial<PlacementMeasurements> = {}): PlacementMeasurements =>
    articleMeasurements({constraints: free, ...declared, ...rest});

  it('begins and ends with the plans for either goal, and says which point is the plan', () => {
    const plan = planFor();
    const tiers = plan.layers.map(({tier}) => tier);
    const front = paretoOfPlan(measurements(), ['latency', 'energy'], tiers);
    expect(front).toMatchObject({goals: ['latency', 'energy'], isComplete: true});
    expect(front.points[0]?.predicted.latencyMs).toBeCloseTo(plan.predicted.latencyMs, 9);
    expect(front.points.at(-1)?.predicted.energyMillijoules).toBeCloseTo(
      planFor({}, {objective: 'energy'}).predicted.energyMillijoules ?? 0,
      9,
    );
    expect(front.points.findIndex(({isChosen}) => isChosen)).toBe(0);
    const [last] = front.points.slice(-1);
    const covered = last?.runs.map(({first, last: end}) => [first, end]);
    expect(covered?.[0]?.[0]).toBe(plan.layers[0]?.name);
    expect(covered?.at(-1)?.[1]).toBe(plan.layers.at(-1)?.name);
  });

  it('keeps to limits and over a gateway too, and survives being printed', () => {
    const limited = {...free, maxLatencyMs: 40};
    const plan = planFor(limited, threeTiers);
    const tiers = plan.layers.map(({tier}) => tier);
    const pareto = paretoOfPlan(
      measurements({constraints: limited, ...threeTiers}),
      ['throughput', 'money'],
      tiers,
    );
    expect(pareto.points.length).toBeGreaterThan(1);
    for (const {predicted} of pareto.points) expect(predicted.latencyMs).toBeLessThanOrEqual(40);
    const whole: Plan = {...plan, pareto};
    const text = yamlFromDocument('plan', whole);
    expect(planFromYaml(text, 'plan.yaml')).toEqual(arrangeDocument('plan', whole));
  });
});

describe('the price of the cloud', () => {
  const priceOf = (perHour: number) => ({price: {...declared.price, perHour}});
  const weighted = {latencyPerMs: 1, moneyPerUnit: 4_000_000};

  it('has a piece for every price, each as good as the plan that is made at that price', () => {
    const plan = planFor({}, {objective: weighted});
    const {pieces, isProven} = plan.prices!;
    expect(isProven).toBe(true);
    expect(pieces!.length).toBeGreaterThan(1);
    expect(pieces![0]!.fromPerHour).toBe(0);
    for (const perHour of [0.02, 0.1, 0.4, 1, 3, 12, 39]) {
      const told = answerAtPrice(plan, {pricePerHour: {amount: perHour, currency: 'USD'}});
      const anew = planFor({}, {objective: weighted, ...priceOf(perHour)});
      const sumOf = (latencyMs: number, money = 0): number => latencyMs + weighted.moneyPerUnit * money;
      expect(sumOf(told.best.latencyMs, told.best.money?.amount)).toBeCloseTo(
        sumOf(anew.predicted.latencyMs, anew.predicted.money?.amount),
        3,
      );
    }
  });

  it('changes nothing for the latency, and what is paid is told', () => {
    const plan = planFor();
    const answer = answerAtPrice(plan, {pricePerHour: {amount: 0.8, currency: 'USD'}});
    expect(answer).toMatchObject({isProven: true, best: {name: answer.chosen.name}});
    expect(answer.best.money?.amount).toBeCloseTo(planFor({}, priceOf(0.8)).predicted.money?.amount ?? 0, 10);
  });

  it('under a ceiling says whether the plan still keeps it', () => {
    const {amount} = planFor().predicted.money!;
    const plan = planFor({maxMoney: {amount: amount * 1.5, currency: 'USD'}});
    const keeps = (perHour: number): boolean | undefined =>
      answerAtPrice(plan, {pricePerHour: {amount: perHour, currency: 'USD'}}).keepsCeiling;
    expect([keeps(0.5), keeps(0.8)]).toEqual([true, false]);
  });

  it('is missing where none was declared, and out of range above a hundred times', () => {
    const none = planFor({}, {objective: 'latency'});
    const asked = {pricePerHour: {amount: 1, currency: 'USD'}};
    const unpriced: Plan = {...none};
    delete unpriced.prices;
    expect(failureOf(() => answerAtPrice(unpriced, asked)).code).toBe('price-missing');
    const dear = planFor({pins: [{layers: '*', tier: 'cloud'}]}, {objective: weighted});
    expect(failureOf(() => answerAtPrice(dear, {pricePerHour: {amount: 41, currency: 'USD'}})).code).toBe(
      'what-if-out-of-range',
    );
  });
});
