import {describe, expect, it} from 'vitest';
import type {WhatIf} from '../../../src/documents/explanation.ts';
import type {Plan} from '../../../src/documents/plan.ts';
import {yamlFromDocument} from '../../../src/documents/printDocument.ts';
import {planFromYaml} from '../../../src/documents/readDocument.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';
import {amountOfPlan} from '../../../src/placement/goalOfPlan.ts';
import type {PlacementConstraints, PlacementMeasurements} from '../../../src/placement/measurements.ts';
import {answerFromOutlook} from '../../../src/placement/outlook/answerFromOutlook.ts';
import {goalFromMeasurements} from '../../../src/placement/goals/goalFromMeasurements.ts';
import {planGoal} from '../../../src/placement/goals/planGoal.ts';
import {solveGoal} from '../../../src/placement/goals/solveGoal.ts';
import {totalsOf} from '../../../src/placement/goals/totalsOfGoal.ts';
import {ARTICLE_CLOUD, ARTICLE_DEVICE, ARTICLE_LINK, articleMeasurements} from './articleNetwork.ts';

const header = writeHeader('plan', {version: '0.1.0', now: new Date(0), madeFrom: {}});
const declared = {
  power: {computeWatts: 4, radioNanojoulesPerByte: 50},
  price: {perHour: 0.4, egressPerGigabyte: 0.09, currency: 'USD'},
} as const;

type Links = PlacementMeasurements['links'];

const twoTiers: Links = [{from: 'device', to: 'cloud', link: ARTICLE_LINK}];
const threeTiers: Links = [
  {from: 'device', to: 'gateway', link: {...ARTICLE_LINK, fixedMs: 3, roundTripMs: 2}},
  {from: 'gateway', to: 'cloud', link: {...ARTICLE_LINK, fixedMs: 20, roundTripMs: 19}},
];

/** And a link past the gateway, which is slow. */
const pastGateway: Links = [
  ...threeTiers,
  {
    from: 'device',
    to: 'cloud',
    link: {...ARTICLE_LINK, upBytesPerSecond: 300_000, fixedMs: 12, roundTripMs: 11},
  },
];

interface Question {
  readonly links: Links;
  readonly objective?: PlacementMeasurements['objective'];
  readonly constraints?: Partial<PlacementConstraints>;
}

/** The question where everything is as asked. */
function measurementsAt(
  {links, objective = 'latency', constraints}: Question,
  asked: WhatIf = {},
): PlacementMeasurements {
  const {bandwidthBytesPerSecond, roundTripMs, cloudSlower = 1} = asked;
  const [first] = links;
  const {from, to} = asked.link ?? {from: first!.from, to: first!.to};
  const moved = links.map(each => {
    if (each.from !== from || each.to !== to) return each;
    const {link} = each;
    const faster = (bandwidthBytesPerSecond ?? link.upBytesPerSecond) / link.upBytesPerSecond;
    return {
      ...each,
      link: {
        ...link,
        upBytesPerSecond: link.upBytesPerSecond * faster,
        downBytesPerSecond: link.downBytesPerSecond * faster,
        fixedMs: link.fixedMs + (roundTripMs ?? link.roundTripMs) - link.roundTripMs,
        roundTripMs: roundTripMs ?? link.roundTripMs,
      },
    };
  });
  const slower = (factor: number): typeof ARTICLE_CLOUD => ({
    ...ARTICLE_CLOUD,
    layers: ARTICLE_CLOUD.layers.map(layer => ({...layer, ms: layer.ms * factor})),
  });
  return {
    ...articleMeasurements({
      constraints: {keepRawInputOnDevice: false, pins: [], ...constraints},
      ...declared,
      objective,
    }),
    tiers: [
      {tier: 'device', machine: 'pi', times: ARTICLE_DEVICE},
      ...(links.length < 2 ? [] : [{tier: 'gateway' as const, machine: 'hall', times: slower(7)}]),
      {tier: 'cloud', machine: 'cloud', times: slower(cloudSlower)},
    ],
    links: moved,
  };
}

function planAt(question: Question): Plan {
  return planGoal({header, measurements: measurementsAt(question)});
}

/** What the best placement takes where everything is as asked, found for that point alone; `null`: nothing is allowed. */
function leastAt(question: Question, asked: WhatIf): {amount: number; latencyMs: number} | null {
  const measurements = measurementsAt(question, asked);
  const goal = goalFromMeasurements(measurements);
  const {objective = 'latency'} = question;
  const best = solveGoal(goal, objective, goal.restrictions, goal.limits);
  if (best === null) return null;
  const predicted = totalsOf(goal, measurements, best);
  return {amount: amountOfPlan({objective}, predicted), latencyMs: predicted.latencyMs};
}

const logSteps = (from: number, to: number, count: number): number[] =>
  Array.from({length: count}, (_, at) => from * (to / from) ** (at / (count - 1)));

const bandwidths = logSteps(1250, 12.5e9, 12).map(bandwidthBytesPerSecond => ({bandwidthBytesPerSecond}));
const others: WhatIf[] = [
  ...logSteps(0.5, 10_000, 8).map(roundTripMs => ({roundTripMs})),
  ...logSteps(0.02, 50, 8).map(cloudSlower => ({cloudSlower})),
];
const upper: WhatIf[] = [...bandwidths, ...others.slice(0, 8)].map(asked => ({
  ...asked,
  link: {from: 'gateway', to: 'cloud'},
}));

describe('what would be the best for a goal, from the plan file alone', () => {
  it.each<[string, Question, number]>([
    ['the latency with a link past the gateway', {links: pastGateway}, 3],
    ['the latency over three tiers', {links: threeTiers}, 3],
    [
      'the latency within a memory',
      {links: twoTiers, constraints: {memory: [{tier: 'cloud', bytes: 700_000}]}},
      1,
    ],
    ['the energy', {links: twoTiers, objective: 'energy'}, 1],
    [
      'the energy within a latency',
      {links: twoTiers, objective: 'energy', constraints: {maxLatencyMs: 60}},
      2,
    ],
    ['the money within a latency', {links: twoTiers, objective: 'money', constraints: {maxLatencyMs: 30}}, 2],
    [
      'a weighted sum over three tiers within an energy',
      {
        links: threeTiers,
        objective: {latencyPerMs: 1, energyPerMillijoule: 0.02, moneyPerUnit: 1e5},
        constraints: {maxEnergyMillijoules: 200},
      },
      2,
    ],
    ['the rate', {links: twoTiers, objective: 'throughput'}, 4],
    ['the rate over three tiers', {links: threeTiers, objective: 'throughput'}, 4],
  ])('%s', (_, question, leastPlacements) => {
    const plan = planFromYaml(yamlFromDocument('plan', planAt(question)), 'plan.yaml');
    const {objective = 'latency', links} = question;
    const best = new Set<string>();
    for (const asked of [...bandwidths, ...others, ...(links.length > 1 ? upper : [])]) {
      const answer = answerFromOutlook(plan.outlook!, asked);
      const offBy = answer.isProven ? 0 : (answer.offBy ?? Infinity);
      expect(offBy).toBeLessThan(0.0101);
      const anew = leastAt(question, asked);
      expect({asked, isFeasible: answer.isFeasible !== false}).toEqual({asked, isFeasible: anew !== null});
      if (anew === null) continue;
      const {amount, latencyMs} = anew;
      // Six digits are kept of each number.
      const allowed = 2e-5 * amount + 1e-12;
      expect({asked, isBelow: answer.best.amount!.value < amount - allowed}).toEqual({asked, isBelow: false});
      expect(answer.best.amount!.value).toBeLessThanOrEqual((amount + allowed) * (1 + offBy));
      if (objective === 'latency') expect(answer.best.latencyMs / latencyMs).toBeCloseTo(1, 4);
      best.add(answer.best.name);
    }
    expect(best.size, [...best].join()).toBeGreaterThanOrEqual(leastPlacements);
  });

  it('says what the plan itself would break, and where nothing keeps within the limits', () => {
    const plan = planAt({links: twoTiers, objective: 'energy', constraints: {maxLatencyMs: 30}});
    const slow = answerFromOutlook(plan.outlook!, {bandwidthBytesPerSecond: 2000});
    expect(slow).toMatchObject({isFeasible: false, breaks: ['maxLatency'], isProven: true});
    expect(() => answerFromOutlook(plan.outlook!, {bandwidthBytesPerSecond: 10})).toThrow(
      /The plan knows bandwidths from 0\.01 Mbit\/s, not 0\.00008 Mbit\/s/,
    );
    expect(() =>
      answerFromOutlook(plan.outlook!, {roundTripMs: 5, link: {from: 'gateway', to: 'cloud'}}),
    ).toThrow(/no link from the gateway to the cloud/);
  });

  it('compares what it knows where several quantities differ at once', () => {
    const plan = planAt({links: threeTiers});
    const asked = {bandwidthBytesPerSecond: 100_000, roundTripMs: 80, cloudSlower: 3};
    const answer = answerFromOutlook(plan.outlook!, asked);
    const anew = leastAt({links: threeTiers}, asked)!;
    expect(answer.isProven).toBe(false);
    expect(answer.best.latencyMs).toBeGreaterThanOrEqual(anew.latencyMs * (1 - 1e-6));
    const same = plan.outlook!.placements.find(({name}) => name === answer.best.name);
    expect(same).toBeDefined();
    expect(answer.chosen.latencyMs).toBeGreaterThanOrEqual(answer.best.latencyMs);
  });
});
